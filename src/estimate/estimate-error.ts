import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/**
 * By how much the size of what was not seen may be off, as a share: what follows in a layer may be other files, and other
 * files grow or shrink by more or less. Found with the images of docs/estimates.md.
 */
const UNSEEN = 0.12
/** The same of a layer that is not compressed: its size does not say how well the rest can be. */
const UNSEEN_PLAIN = 0.2
/** The same of tables: they count files, of which the unseen part may have many or few. */
const UNSEEN_TABLES = 0.4
/** What is a guess even where all was seen: directories that several layers have, the documents. */
const ALWAYS = 0.005

/** By how much, as a share, the size of a result may be off that is made of `layers`. */
export function formatError(layers: readonly LayerEstimate[], format: FormatName): number {
  let total = 0
  let off = 0
  for (const layer of layers) {
    const { descriptor, compression, made, whole, seen } = layer
    const own = made.get(format)
    const is = own ?? made.get('nydus')
    if (is === undefined) continue
    const kept = format === 'oci_ref' && own !== undefined ? descriptor.size : 0
    const size = is.size + is.imageSize
    total += size + kept
    const unseen = whole ? 0 : 1 - seen / Math.max(1, descriptor.size)
    const content = compression === 'none' ? UNSEEN_PLAIN : UNSEEN
    off += size * unseen * (kept > 0 ? UNSEEN_TABLES : content)
  }
  return total === 0 ? 0 : off / total + ALWAYS
}
