import type { ConversionReport, LayerReport } from './report.ts'

/** Images that grow by less are not worth a word: each small one grows by a table of contents. */
const WORTH_SAYING = 1024 * 1024

/**
 * Says that a result is larger than its source by more than `percent`, and what grew: lazily pullable formats compress
 * file by file, which costs something where files are small. Undefined where it is not.
 */
export function growthOf(report: ConversionReport, percent: number): string | undefined {
  const { sourceSize, targetSize, target = report.source } = report
  const growth = targetSize - sourceSize
  if (growth <= WORTH_SAYING || growth * 100 <= sourceSize * percent) return undefined
  const text =
    `${target} has ${targetSize} bytes, ${share(growth, sourceSize)} more than its source; ` +
    `converter.growth_warning is ${percent} %`
  const most = report.images
    .flatMap(({ platform, layers }) => layers.map((layer, i) => ({ platform, layer, i })))
    .sort((a, b) => grownBy(b.layer) - grownBy(a.layer))[0]
  if (most === undefined || grownBy(most.layer) <= 0) return text
  const { source, target: made, entries = 0 } = most.layer
  const index =
    made.indexSize === undefined ? '' : `, ${made.indexSize} of them to say where its files are`
  return (
    `${text}. Layer ${most.i + 1} of ${most.platform} (${source.digest}) grew most: ` +
    `from ${source.size} to ${made.size} bytes for ${entries} entries${index}`
  )
}

function grownBy({ source, target }: LayerReport): number {
  return target.size - source.size
}

function share(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)} %`
}
