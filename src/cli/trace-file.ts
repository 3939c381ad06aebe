import { createReadStream } from 'node:fs'
import { unreadableFile } from '../config/text-file.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { Trace } from '../trace/trace.ts'

/** The trace in a file. Throws CONFIG_UNREADABLE, TRACE_…. */
export async function readTraceFile(file: string): Promise<Trace> {
  const { readTrace } = await import('../trace/read-trace.ts')
  return readTrace(fileBytes(file), file)
}

async function* fileBytes(file: string): ByteSource & AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file)
  } catch (cause) {
    if (cause instanceof AccelError) throw cause
    throw unreadableFile(file, cause)
  }
}
