/** What a layer thread does to estimate what a layer becomes. */
import type { Compression } from '../formats/codec/decoder.ts'
import { sniff } from '../formats/codec/sniff.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { threadMs } from '../threads/inline-host.ts'
import type { MeasuredLayer } from './format-sink.ts'
import type { LayerMaker } from './format.ts'
import type { FormatName } from './format-name.ts'
import { LayerSinks } from './layer-sinks.ts'
import { findCut, sampleTar } from './sample-tar.ts'
import type { TarFacts } from './tar-facts.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  layer: Pick<Descriptor, 'digest' | 'size'>
  /** All of the layer comes, and is not kept; else only its first bytes, which are. */
  whole: boolean
  /** The facts name every path. */
  listed: boolean
  makers: { name: FormatName; maker: LayerMaker }[]
}

/** What of a layer was looked at, and what it becomes. */
export interface LayerMeasure {
  /** By the first bytes, whatever the media type says. */
  compression: Compression
  /** Bytes of the layer as stored that were looked at, and of the tar in them. */
  stored: number
  tar: number
  /** All of the layer. */
  whole: boolean
  facts: TarFacts
  /** Processor time of decoding, in milliseconds. */
  decodeMs: number
  made: { name: FormatName; layer: MeasuredLayer | { unsuitable: string } }[]
}

/** Runs one measurement. Throws FORMAT_…, DRIVER_…, CONTENT_…. */
export async function run(data: LayerJobData, host: LayerHost): Promise<LayerMeasure> {
  try {
    return data.whole ? await measureWhole(data, host) : await measureSample(data, host)
  } catch (error) {
    // a download that was cut or damaged is found at its end; that then is the error
    while ((await host.pull()) !== undefined);
    throw error
  }
}

async function measureWhole(data: LayerJobData, host: LayerHost): Promise<LayerMeasure> {
  const { what } = data
  const clock = new DecodeClock()
  const decoder = openDecoder({ what })
  let piece = await host.pull()
  const sinks = new LayerSinks(data, sniff(piece ?? new Uint8Array(0)))
  try {
    const drain = async (): Promise<void> => {
      for (;;) {
        const bytes = clock.time(() => decoder.next())
        if (bytes === undefined) return
        await sinks.tar(bytes)
      }
    }
    for (; piece !== undefined; piece = await host.pull()) {
      sinks.stored(piece)
      decoder.push(piece)
      await drain()
    }
    decoder.end()
    await drain()
    const { compression = 'none', produced } = decoder
    const { size } = data.layer
    return {
      compression,
      stored: size,
      tar: produced,
      whole: true,
      decodeMs: clock.ms,
      ...(await sinks.finish()),
    }
  } finally {
    decoder.close()
    sinks.close()
  }
}

async function measureSample(data: LayerJobData, host: LayerHost): Promise<LayerMeasure> {
  const { what } = data
  const pieces: Uint8Array[] = []
  for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
    pieces.push(piece.slice())
  }
  const clock = new DecodeClock()
  const cut = clock.time(() => findCut(pieces, what))
  const sinks = new LayerSinks(data, cut.compression)
  let tar = 0
  try {
    for (const bytes of sampleTar(pieces, cut, what)) {
      tar += bytes.length
      await sinks.tar(bytes)
    }
    const stored =
      cut.produced === 0 ? 0 : Math.round((cut.stored * Math.min(tar, cut.produced)) / cut.produced)
    const { compression } = cut
    return { compression, stored, tar, whole: false, decodeMs: clock.ms, ...(await sinks.finish()) }
  } finally {
    sinks.close()
  }
}

class DecodeClock {
  ms = 0

  time<Result>(work: () => Result): Result {
    const before = threadMs()
    const result = work()
    this.ms += threadMs() - before
    return result
  }
}
