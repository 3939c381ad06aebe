import type { SourceImage } from '../convert/source-image.ts'
import type { Digest } from '../oci/digest.ts'
import { startSet } from '../trace/start-set.ts'
import type { Trace } from '../trace/trace.ts'
import type { LayerEstimate } from './layer-estimate.ts'
import type { StartBasis } from './report.ts'
import { SeenFiles } from './seen-files.ts'
import { sharedNeed, type Need } from './start-bytes.ts'
import { tracedNeed } from './traced-need.ts'

/** What a container of an image is thought to read before it runs, and why. */
export interface Start {
  basis: StartBasis
  need: Need
}

/**
 * By a trace, where there is one; else by the program that the image starts and what that needs, where all of the image was
 * seen; else by what images read on average.
 */
export async function startOf(
  image: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
  trace: Trace | undefined,
): Promise<Start> {
  const digests = image.manifest.layers.map(({ digest }) => digest)
  const whole = digests.every((digest) => layers.get(digest)?.whole)
  if (trace === undefined && !whole) return sharedStart(image, layers)
  const files = new SeenFiles(digests.map((digest) => layers.get(digest)?.names ?? {}))
  const set = trace === undefined ? await startSet(image.config, files) : { trace, notes: [] }
  const { need, files: read, bytes, missing } = tracedNeed(set.trace, files, digests, whole)
  // without a program there is nothing to go by
  if (read === 0) return sharedStart(image, layers)
  const kind = trace === undefined ? 'start set' : 'trace'
  return { need, basis: { kind, files: read, bytes, missing, notes: set.notes } }
}

function sharedStart(image: SourceImage, layers: ReadonlyMap<Digest, LayerEstimate>): Start {
  const need = sharedNeed(image, layers)
  const bytes = [...need.values()].reduce((sum, one) => sum + one.bytes(1), 0)
  return { need, basis: { kind: 'share', bytes: Math.round(bytes) } }
}
