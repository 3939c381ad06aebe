import { AccelError } from '../errors/accel-error.ts'
import { cleanPath } from '../formats/tar/path.ts'
import { collect, type ByteSource } from '../streams/byte-source.ts'
import type { FileRead, Trace } from './trace.ts'

/** Largest trace that is read, in bytes. */
export const MAX_TRACE_SIZE = 16 * 1024 * 1024
/** Reads that a trace may have. */
export const MAX_TRACE_READS = 100_000
/** Source: PATH_MAX of Linux. */
const MAX_PATH_SIZE = 4096
/** First line of the CSV. */
const CSV_HEADER = /^"?path"?,/

type ReadLine = (line: string, fail: (problem: string) => never) => FileRead

/**
 * Reads a list of file reads, of which `file` is the name in messages. Its first line says which form it has:
 *
 * - text: one path a line, and behind it, where only a part is read, `OFFSET LENGTH` in bytes; `#` begins a comment.
 *   This is also what nydus-snapshotter's optimizer writes (pkg/fanotify/fanotify.go).
 * - JSON lines: `{"path", "offset"?, "length"?}`. `size` stands for `length` where there is an offset; alone it is
 *   the size of the file, as the optimizer's events have it (tools/optimizer-server/src/main.rs). Other members are
 *   passed over, so that `ctr-remote … --record-out` can be read (stargz-snapshotter recorder/recorder.go).
 * - CSV with the header `path,size,elapsed`: the optimizer's other file. All of each file is read.
 *
 * Throws TRACE_INVALID, which names the line, and TRACE_TOO_LARGE.
 */
export async function readTrace(source: ByteSource, file: string): Promise<Trace> {
  const bytes = await collect(
    source,
    MAX_TRACE_SIZE,
    () => new AccelError('TRACE_TOO_LARGE', { file, what: 'bytes', limit: MAX_TRACE_SIZE }),
  )
  return parseTrace(bytes, file)
}

/** The same of bytes that are there. */
export function parseTrace(bytes: Uint8Array, file: string): Trace {
  const reads: FileRead[] = []
  let form: ReadLine | undefined
  let start = 0
  for (let number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(0x0a, start)
    const end = newline === -1 ? bytes.length : newline
    const fail = (problem: string): never => {
      throw new AccelError('TRACE_INVALID', { file, line: number, problem })
    }
    const line = lineText(bytes.subarray(start, end), fail)
    start = end + 1
    if (line === '') continue
    if (form === undefined && CSV_HEADER.test(line)) {
      form = csvLine
      continue
    }
    form ??= line.startsWith('{') ? jsonLine : textLine
    if (form === textLine && line.startsWith('#')) continue
    if (reads.length === MAX_TRACE_READS) {
      throw new AccelError('TRACE_TOO_LARGE', { file, what: 'reads', limit: MAX_TRACE_READS })
    }
    reads.push(form(line, fail))
  }
  return reads
}

function lineText(bytes: Uint8Array, fail: (problem: string) => never): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim()
  } catch {
    return fail('it is not UTF-8')
  }
}

const textLine: ReadLine = (line, fail) => {
  const parts = /^(.*\S)\s+(\d{1,16})\s+(\d{1,16})$/.exec(line)
  if (parts === null) return { path: pathOf(line, fail) }
  const [, path = '', offset, length] = parts
  return { path: pathOf(path, fail), range: rangeOf(Number(offset), Number(length), fail) }
}

const csvLine: ReadLine = (line, fail) => {
  const quoted = /^"((?:[^"]|"")*)"(?:,|$)/.exec(line)
  if (quoted !== null) return { path: pathOf(quoted[1]!.replaceAll('""', '"'), fail) }
  if (line.startsWith('"')) return fail('a quotation mark is not closed')
  return { path: pathOf(line.split(',', 1)[0]!, fail) }
}

const jsonLine: ReadLine = (line, fail) => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return fail(`it is not JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail('it is not a JSON object')
  const { path, offset, size, length } = value as Readonly<Record<string, unknown>>
  if (typeof path !== 'string') return fail('it has no path')
  const part = length ?? (offset === undefined ? undefined : size)
  if (part === undefined && offset === undefined) return { path: pathOf(path, fail) }
  return { path: pathOf(path, fail), range: rangeOf(offset ?? 0, part, fail) }
}

function pathOf(text: string, fail: (problem: string) => never): string {
  const path = cleanPath(text)
  if (path === '') return fail('it has no path')
  if (path.includes('\0')) return fail('a path cannot have a NUL')
  if (Buffer.byteLength(path) > MAX_PATH_SIZE)
    return fail(`a path has at most ${MAX_PATH_SIZE} bytes`)
  return path
}

function rangeOf(
  offset: unknown,
  length: unknown,
  fail: (problem: string) => never,
): { offset: number; length: number } {
  if (!isSize(offset)) return fail('offset is not a number of bytes')
  if (!isSize(length)) return fail('length is not a number of bytes')
  if (!Number.isSafeInteger(offset + length)) return fail('offset and length are too large')
  return { offset, length }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
