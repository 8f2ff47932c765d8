"""
How a record looks in the contract's JSON: camelCase lives here.
"""

from typing import Any

from teamchatd.model import (
    Author,
    Channel,
    Conversation,
    Image,
    Message,
    Reaction,
    Read,
    Session,
    ThreadMeta,
    User,
    Webhook,
)


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


def author(author: Author) -> dict[str, Any]:
    author_id, user_name, is_bot = author
    if is_bot:
        return {"id": author_id, "userName": user_name, "isBot": True}
    return {"id": author_id, "userName": user_name}


def message(message: Message) -> dict[str, Any]:
    # Taken apart in one step: every page has fifty of these.
    id_, channel_id, said_by, content, created_at, updated_at, chosen, shown, thread, meta = message
    shape: dict[str, Any] = {
        "id": id_,
        "channelId": channel_id,
        "author": author(said_by),
        "content": content,
        "images": shown,
        "createdAt": created_at,
        "updatedAt": updated_at,
        "reactions": dict(chosen) if chosen else {},
    }
    if thread is not None:
        shape["threadId"] = thread
    if meta is not None:
        shape["threadMeta"] = thread_meta(meta)
    return shape


def reaction(reaction: Reaction) -> dict[str, Any]:
    return {
        "messageId": reaction.message_id,
        "userId": reaction.user_id,
        "reaction": reaction.reaction,
    }


def image(image: Image, place_id: str, author_id: str, thread_id: str | None) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "filename": image.file.name,
        "contentType": image.file.content_type,
        "channelId": place_id,
        "authorId": author_id,
        "thumbnail": None if image.thumbnail is None else image.thumbnail.name,
    }
    if thread_id is not None:
        shape["threadId"] = thread_id
    return shape


def thread_meta(meta: ThreadMeta) -> dict[str, Any]:
    return {
        "replyCount": meta.reply_count,
        "lastReplyAt": meta.last_reply_at,
        "lastReplyBy": author(meta.last_reply_by),
        "participants": meta.participants,
    }


def conversation(conversation: Conversation) -> dict[str, Any]:
    other = conversation.other_user
    shape: dict[str, Any] = {
        "id": conversation.id,
        "participants": conversation.participants,
        "createdAt": conversation.created_at,
        "otherUser": None if other is None else author(other),
    }
    if conversation.last_message_at is not None:
        shape["lastMessageAt"] = conversation.last_message_at
    return shape


def read(read: Read) -> dict[str, Any]:
    return {
        "channelId": read.channel_id,
        "lastReadId": read.last_read_id,
        "unread": read.unread,
    }


def webhook(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "name": webhook.name,
        "channelId": webhook.channel_id,
        "createdAt": webhook.created_at,
        "createdBy": webhook.created_by,
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
