import { dirname } from 'node:path/posix'
import { BOOTSTRAP_PATH } from '../../drivers/nydus/bootstrap-layer.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { openDecoder } from '../../formats/layer-decoder.ts'
import { MAX_BOOTSTRAP_SIZE } from '../../formats/rafs-v6/read.ts'
import type { TarEvent } from '../../formats/tar/entry.ts'
import { cleanPath } from '../../formats/tar/path.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import type { ByteSource } from '../../streams/byte-source.ts'
import { type Detail, inspectBootstrap } from './bootstrap.ts'
import { type Facts, Rows } from './facts.ts'

/** The folder that all files of such a layer are in. */
const FOLDER = `${dirname(BOOTSTRAP_PATH)}/`

/**
 * What a layer that is a tar, compressed or not, holds of Nydus: the files below `image`, and what the bootstrap among
 * them says. Undefined for an ordinary layer, of which no more than its first file is read. Throws FORMAT_….
 */
export async function inspectBootstrapLayer(
  bytes: ByteSource,
  what: string,
  detail: Detail,
): Promise<Facts | undefined> {
  const files: { name: string; size: number }[] = []
  const pieces: Uint8Array[] = []
  let found = false
  let inBootstrap = false
  for await (const event of tarEvents(bytes, what)) {
    if (event.type === 'data' && inBootstrap) pieces.push(event.bytes.slice())
    if (event.type !== 'entry' || event.entry.type !== 'file') continue
    const { name, size } = event.entry
    const path = cleanPath(name)
    if (!path.startsWith(FOLDER)) return undefined
    files.push({ name: path, size })
    inBootstrap = path === BOOTSTRAP_PATH
    if (!inBootstrap) continue
    checkSize(size, what)
    found = true
  }
  if (!found) return undefined
  return {
    format: 'Nydus bootstrap layer',
    files: new Rows(() => files),
    bootstrap: inspectBootstrap(Buffer.concat(pieces), `${what}, ${BOOTSTRAP_PATH}`, detail),
  }
}

/** What a tar reader tells of a layer, however that is compressed. */
async function* tarEvents(bytes: ByteSource, what: string): AsyncGenerator<TarEvent> {
  const decoder = openDecoder({ what })
  const tar = new TarReader({ what })
  const decoded = function* (): Generator<TarEvent> {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) {
      tar.push(out)
      yield* eventsOf(tar)
    }
  }
  try {
    for await (const piece of bytes) {
      decoder.push(piece)
      yield* decoded()
    }
    decoder.end()
    yield* decoded()
    tar.end()
    yield* eventsOf(tar)
  } finally {
    decoder.close()
  }
}

function* eventsOf(tar: TarReader): Generator<TarEvent> {
  for (let event = tar.next(); event !== undefined; event = tar.next()) yield event
}

function checkSize(value: number, what: string): void {
  if (value <= MAX_BOOTSTRAP_SIZE) return
  const limit = { limit: 'a bootstrap of bytes', value, max: MAX_BOOTSTRAP_SIZE }
  throw new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'Nydus bootstrap layer', ...limit })
}
