import type { Incoming } from './exchange.ts'

/** Read of an error's body. */
const MAX_BODY = 16 * 1024
const MAX_MESSAGE = 400

/** The beginning of a refusing answer's body, at most 16 KiB. Ends the answer; never throws. */
export async function readErrorText(answer: Incoming): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of answer.body) {
      pieces.push(chunk)
      size += chunk.length
      if (size >= MAX_BODY) break
    }
  } catch {
    // The status is what counts; its explanation was cut short.
  }
  return Buffer.concat(pieces).subarray(0, MAX_BODY).toString('utf8')
}

/** What a server wrote, as it may stand in a message: one line without control characters, 400 characters at most. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line
}
