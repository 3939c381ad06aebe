/** What a layer thread does for the Nydus driver. */
import { newBlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import type { ListingData } from '../../formats/listing/listing.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Compression } from '../../oci/media-type.ts'
import { openStreamHash } from '../../streams/twin-hash.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from '../blob-file.ts'
import { decodeSource } from '../decode-source.ts'
import { TarLister } from '../tar-lister.ts'
import { readDictionary } from './dictionary-chunks.ts'
import { LayerBlob } from './layer-blob.ts'
import { LayerBuild } from './layer-build.ts'
import type { LayerDetail } from './layer-detail.ts'
import type { NydusFormat } from './options.ts'
import { newSeal } from './seal.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  /** How the media type says that the layer is compressed; its first bytes decide. */
  compression: Compression
  diffId: Digest
  ingestPath: string
  list: boolean
  format: NydusFormat
  prefetch: string[]
  /** Files of the bootstraps whose chunks are not stored again. */
  dictionary: string[]
}

/** What it is told in the end. */
export interface LayerJobResult {
  digest: Digest
  size: number
  warnings: string[]
  entries: number
  detail: LayerDetail
  sourceUncompressedSize: number
  listing?: ListingData
}

/** Runs one conversion. */
export function run(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  return untilEnd(host, () => convert(data, host))
}

/** Runs `job`; where it fails the rest of the source is read: what is wrong with that is the error then. */
export async function untilEnd<Result>(
  host: LayerHost,
  job: () => Promise<Result>,
): Promise<Result> {
  try {
    return await job()
  } catch (error) {
    // A download that was cut or damaged is found at its end; that then is the error, and can be tried again.
    while ((await host.pull()) !== undefined);
    throw error
  }
}

async function convert(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  const { what, format, prefetch } = data
  using file = openBlobFile(data.ingestPath)
  const dictionary =
    data.dictionary.length === 0 ? undefined : readDictionary(data.dictionary, format.version)
  const seal = format.encrypted ? newSeal() : undefined
  const secrets = seal && { cipher: newBlobCipher(), seal: seal.cipher }
  const blob = new LayerBlob(format, secrets, (bytes) => file.write(bytes))
  const build = new LayerBuild(host, {
    what,
    format,
    dictionary,
    cipher: secrets?.cipher,
    write: (bytes) => blob.data(bytes),
  })
  // Digests of whole chunks say what a file holds, and those are read back.
  const lister = data.list ? new TarLister(what, { pieceSize: format.chunkSize }) : undefined
  const reader = lister ?? new TarReader({ what })
  const takeAll = async (): Promise<void> => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      const wait = build.take(event)
      if (wait !== undefined) await wait
    }
  }
  const sourceSize = await decodeSource(data, host, {
    hash: openStreamHash(),
    warn: (text) => build.warnings.add(text),
    take: async (bytes) => {
      reader.push(bytes)
      await takeAll()
      host.progress(blob.size)
    },
  })
  reader.end()
  await takeAll()
  await build.finish()
  const detail = { ...build.entries.detail(), ...(seal && { seal: seal.key }) }
  const { digest, size } = await blob.finish(build, {
    prefetch,
    dictionary: dictionary?.blobs ?? [],
  })
  return {
    digest,
    size,
    warnings: build.warnings.list,
    entries: build.count,
    detail,
    sourceUncompressedSize: sourceSize,
    ...(lister && { listing: lister.finish(host) }),
  }
}
