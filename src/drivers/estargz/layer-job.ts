/** What a layer thread does for the eStargz driver. */
import { createHash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import type { EstargzFormat } from '../../formats/estargz/write.ts'
import { openDecoder } from '../../formats/layer-decoder.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import type { LowerAnswers } from '../layer-content.ts'
import { openBlobFile } from './blob-file.ts'
import { LayerBuild, type BuiltLayer } from './layer-build.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  diffId: Digest
  ingestPath: string
  format: EstargzFormat
  lower: LowerAnswers | undefined
}

/** What it is told in the end. */
export interface LayerJobResult extends BuiltLayer {
  sourceUncompressedSize: number
}

/** Runs one conversion. */
export async function run(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  try {
    return await convert(data, host)
  } catch (error) {
    // A download that was cut or damaged is found at its end; that then is the error, and can be tried again.
    while ((await host.pull()) !== undefined);
    throw error
  }
}

async function convert(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  const { what, diffId, ingestPath, format, lower } = data
  using file = openBlobFile(ingestPath)
  const build = new LayerBuild(host, { what, format, lower, write: (bytes) => file.write(bytes) })
  await build.landmark(false)
  const reader = new TarReader({ what })
  const read = async (): Promise<void> => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      const wait = build.take(event)
      if (wait !== undefined) await wait
    }
  }
  const sourceUncompressedSize = await decodeSource(what, diffId, host, async (bytes) => {
    reader.push(bytes)
    await read()
    host.progress(build.written)
  })
  reader.end()
  await read()
  return { ...(await build.finish()), sourceUncompressedSize }
}

/**
 * Decodes all of the source and gives its bytes to `take`, each time valid until that is done; gives their number.
 * Throws FORMAT_…, and IMAGE_DIFF_ID_MISMATCH at the end.
 */
async function decodeSource(
  what: string,
  diffId: Digest,
  host: LayerHost,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const hash = createHash('sha256')
  const decoder = openDecoder({ what })
  const drain = async (): Promise<void> => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      hash.update(bytes)
      await take(bytes)
    }
  }
  try {
    for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
      decoder.push(piece)
      await drain()
    }
    decoder.end()
    await drain()
  } finally {
    decoder.close()
  }
  const got = digestFrom(hash)
  if (got === diffId) return decoder.produced
  throw new AccelError('IMAGE_DIFF_ID_MISMATCH', { layer: what, want: diffId, got })
}
