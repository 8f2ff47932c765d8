"""
How a record looks in the contract's JSON: camelCase lives here.
"""

from typing import Any

from teamchatd.model import Channel, Message, Session, User


def user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "userName": user.user_name,
        "email": user.email,
        "isAdmin": user.is_admin,
        "createdAt": user.created_at,
    }


def channel(channel: Channel) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": channel.id,
        "name": channel.name,
        "createdAt": channel.created_at,
    }
    if channel.created_by is not None:
        shape["createdBy"] = channel.created_by
    if channel.updated_at is not None:
        shape["updatedAt"] = channel.updated_at
    return shape


def message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "channelId": message.channel_id,
        "author": {"id": message.author.id, "userName": message.author.user_name},
        "content": message.content,
        "images": [],
        "createdAt": message.created_at,
        "updatedAt": message.updated_at,
        "reactions": dict(message.reactions),
    }


def session(session: Session, current_id: str) -> dict[str, Any]:
    return {
        "id": session.id,
        "createdAt": session.created_at,
        "lastUsedAt": session.last_used_at,
        "expiresAt": session.expires_at,
        "ip": session.ip,
        "userAgent": session.user_agent,
        "isCurrent": session.id == current_id,
    }
