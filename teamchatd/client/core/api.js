/**
 * Calls of teamchat's HTTP API, as promises that fail with a sentence.
 */

const PATIENCE = 20_000;
/** An upload may take long, but not stand still for so many milliseconds. */
const LONGEST_STALL = 60_000;

export const UNREACHED = "teamchat cannot be reached right now.";
const STALLED = "An image got stuck on its way.";

export class ApiError extends Error {
  /**
   * @param {string} message a sentence for people.
   * @param {number} status of HTTP; 0 when there was no answer.
   * @param {number} retryAfter seconds that the server asks us to wait; 0 if it does not.
   */
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** The same may go well later: nothing was wrong with what we asked. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * One call.
 * @param {{body?: object, token?: string, keepalive?: boolean}} more
 * @returns {Promise<any>} the answer's JSON.
 * @throws {ApiError}
 */
export async function ask(method, path, { body, token, keepalive = false } = {}) {
  const response = await reach(path, {
    method,
    keepalive,
    headers: headersOf(token, body),
    body: body && JSON.stringify(body),
    // With keepalive the page is on its way out, and takes its clock along.
    signal: keepalive ? undefined : AbortSignal.timeout(PATIENCE),
  });
  const answer = await readJSON(response);
  if (!response.ok) throw refusal(response.status, answer, response.headers.get("Retry-After"));
  return answer;
}

/** @returns {Promise<Blob>} of an image. */
export async function askForBytes(path, token) {
  const response = await reach(path, { headers: headersOf(token) });
  if (!response.ok) throw refusal(response.status, await readJSON(response));
  try {
    return await response.blob();
  } catch {
    throw new ApiError(UNREACHED, 0);
  }
}

/**
 * Send what takes a while, telling how far it is. `fetch` cannot tell.
 * @param {(share: number) => void} progress is given 0 to 1.
 */
export function send(path, token, body, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headersOf(token, body))) {
      request.setRequestHeader(name, value);
    }
    request.responseType = "json";
    let sentence = UNREACHED;
    let timer = 0;
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => ((sentence = STALLED), request.abort()), LONGEST_STALL);
    };
    request.upload.onprogress = ({ loaded, total }) => {
      moved();
      progress(total ? loaded / total : 0);
    };
    request.onerror = request.onabort = () => reject(new ApiError(sentence, 0));
    request.onloadend = () => clearTimeout(timer);
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else {
        const wait = request.getResponseHeader("Retry-After");
        reject(refusal(request.status, request.response, wait));
      }
    };
    request.send(JSON.stringify(body));
    moved();
  });
}

function headersOf(token, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  return headers;
}

async function reach(path, options) {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new ApiError(UNREACHED, 0);
  }
}

async function readJSON(response) {
  try {
    return await response.json();
  } catch {
    // A proxy's page of HTML, or an answer cut off: either way not the daemon's word.
    if (response.ok) throw new ApiError(UNREACHED, 0);
    return null;
  }
}

function refusal(status, answer, retryAfter) {
  const sentence = answer?.error ?? `The server answered ${status} and did not say why.`;
  return new ApiError(sentence, status, Number(retryAfter) || 0);
}
