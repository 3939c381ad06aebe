/** Server-sent events as bytes. Source: HTML standard, section "Server-sent events". */

/** One event. */
export interface ServerEvent {
  name: string
  /** One line. */
  data: string
  /** What a client that comes back sends as `Last-Event-ID`. */
  id?: string
}

/** An event as it is sent. */
export function encodeEvent({ name, data, id }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`
}

/** What keeps a connection alive: a comment, which clients ignore. */
export const HEARTBEAT = ':\n\n'

/** Longest event that is read; the longest of ours has some kilobytes. */
const MAX_EVENT = 1024 * 1024

/** Reads events out of `pieces` of text, however they are cut. An event that has not ended is left out. */
export async function* decodeEvents(pieces: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let rest = ''
  for await (const piece of pieces) {
    rest += piece
    if (rest.length > MAX_EVENT)
      throw new RangeError(`an event of more than ${MAX_EVENT} characters`)
    const blocks = rest.split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = decodeBlock(block)
      if (event !== undefined) yield event
    }
  }
}

function decodeBlock(block: string): ServerEvent | undefined {
  let name = 'message'
  let id: string | undefined
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (field === 'event') name = value
    else if (field === 'data') data.push(value)
    else if (field === 'id') id = value
  }
  if (data.length === 0) return undefined
  return { name, data: data.join('\n'), ...(id === undefined ? {} : { id }) }
}
