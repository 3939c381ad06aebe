/** What a layer thread does for the eStargz driver. */
import { createHash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import type { Decoder } from '../../formats/codec/decoder.ts'
import { sniff, SNIFF_SIZE } from '../../formats/codec/sniff.ts'
import { NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK, TOC_NAME } from '../../formats/estargz/layout.ts'
import { EstargzWriter, type EstargzBlob, type EstargzFormat } from '../../formats/estargz/write.ts'
import { GunzipStream } from '../../formats/gzip/inflate.ts'
import type { TarEvent } from '../../formats/tar/entry.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from './blob-file.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  diffId: Digest
  ingestPath: string
  format: EstargzFormat
}

/** What it is told in the end. */
export interface LayerJobResult {
  blob: EstargzBlob
  sourceUncompressedSize: number
  warnings: string[]
  entries: number
}

/** Runs one conversion. */
export async function run(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  using file = openBlobFile(data.ingestPath)
  const job = new LayerJob(data, host, (bytes) => file.write(bytes))
  try {
    return await job.run()
  } catch (error) {
    // A download that was cut or damaged is found at its end, and is then the error, which can be tried again.
    while ((await host.pull()) !== undefined);
    throw error
  }
}

class LayerJob {
  readonly #data: LayerJobData
  readonly #host: LayerHost
  readonly #hash = createHash('sha256')
  readonly #reader: TarReader
  readonly #writer: EstargzWriter
  #entries = 0
  #skipping = false
  #reported = 0

  constructor(data: LayerJobData, host: LayerHost, write: (bytes: Uint8Array) => void) {
    this.#data = data
    this.#host = host
    this.#reader = new TarReader({ what: data.what })
    this.#writer = new EstargzWriter(host, data.format, write)
  }

  async run(): Promise<LayerJobResult> {
    await this.#writer.landmark(false)
    const sourceUncompressedSize = await this.#read()
    const got = digestFrom(this.#hash)
    const { diffId, what } = this.#data
    if (got !== diffId)
      throw new AccelError('IMAGE_DIFF_ID_MISMATCH', { layer: what, want: diffId, got })
    await this.#writer.settle()
    const blob = await this.#writer.finish()
    return { blob, sourceUncompressedSize, warnings: [], entries: this.#entries }
  }

  /** Decodes the source and hands its events on; gives the bytes of the tar. */
  async #read(): Promise<number> {
    let size = 0
    let decoder: Decoder | undefined
    const take = async (bytes: Uint8Array): Promise<void> => {
      size += bytes.length
      this.#hash.update(bytes)
      this.#reader.push(bytes)
      await this.#events()
    }
    for (;;) {
      const chunk = await this.#host.pull()
      if (chunk === undefined) break
      if (decoder === undefined && sniff(chunk.subarray(0, SNIFF_SIZE)) === 'gzip') {
        decoder = new GunzipStream({ what: this.#data.what })
      }
      if (decoder === undefined) {
        await take(chunk)
        continue
      }
      decoder.push(chunk)
      for (let out = decoder.next(); out !== undefined; out = decoder.next()) await take(out)
    }
    decoder?.end()
    for (let out = decoder?.next(); out !== undefined; out = decoder?.next()) await take(out)
    decoder?.close()
    this.#reader.end()
    await this.#events()
    return size
  }

  async #events(): Promise<void> {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      const wait = this.#event(event)
      if (wait !== undefined) await wait
    }
    if (this.#writer.written !== this.#reported) {
      this.#reported = this.#writer.written
      this.#host.progress(this.#reported)
    }
  }

  #event(event: TarEvent): Promise<void> | undefined {
    switch (event.type) {
      case 'entry': {
        this.#entries++
        const { entry } = event
        this.#skipping = [TOC_NAME, PREFETCH_LANDMARK, NO_PREFETCH_LANDMARK].includes(entry.name)
        return this.#skipping ? undefined : this.#writer.entry(entry, event.header)
      }
      case 'data':
        return this.#skipping ? undefined : this.#writer.data(event.bytes)
      case 'end':
        return undefined
    }
  }
}
