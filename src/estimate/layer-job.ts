/** What a layer thread does to estimate what a layer becomes. */
import { sniff } from '../formats/codec/sniff.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { threadMs } from '../threads/inline-host.ts'
import type { LayerJobData, LayerMeasure } from './layer-measure.ts'
import { LayerSinks } from './layer-sinks.ts'
import { findCut, sampleTar } from './sample-tar.ts'

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
