import { AccelError } from '../../errors/accel-error.ts'
import { Crc64 } from './crc64.ts'
import type { ZstdChunked } from './read.ts'

/**
 * Makes the tar again of tar-split and files, as containers/storage does to check a layer's diffID. Each file must
 * have the CRC that the tar-split says. Throws FORMAT_INVALID.
 */
export async function* rebuildTar(layer: ZstdChunked, what: string): AsyncGenerator<Uint8Array> {
  const files = new Map(
    layer.toc.entries.filter((entry) => entry.type === 'reg').map((entry) => [entry.name, entry]),
  )
  for (const [number, record] of (layer.tarSplit ?? []).entries()) {
    if (record.type === 'segment') {
      yield record.bytes
      continue
    }
    if (record.size === 0) continue
    const file = files.get(record.name)
    const fail = (problem: string): never => {
      throw new AccelError('FORMAT_INVALID', { what, format: 'tar-split', offset: number, problem })
    }
    if (file?.size !== record.size) {
      return fail(`the TOC has no file ${JSON.stringify(record.name)} of ${record.size} bytes`)
    }
    const crc = new Crc64()
    for await (const bytes of layer.readFile(file)) {
      crc.update(bytes)
      yield bytes
    }
    if (Buffer.from(crc.digest()).toString('base64') !== record.crc) {
      fail(`${JSON.stringify(record.name)} has another CRC`)
    }
  }
}
