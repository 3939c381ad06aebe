import type { WireLayerResult, WireTaskDetail } from '../api/contract.ts'
import { formatGrowth } from '../quantity/growth.ts'
import { formatSize } from '../quantity/quantity.ts'
import { namesOf } from './layer-sentences.ts'
import type { Sentence } from './sentence.ts'

/** Growth, as a part of the source, below which nobody asks where it comes from. */
const WORTH_A_REASON = 0.01

/** Part of the growth that a layer must have to be named as the reason. */
const MOST_OF_IT = 1 / 3

/** How large the result is, against the source, and which layer grew most; that is left out where a warning says it. */
export function sizeSentences(task: WireTaskDetail, warnings: readonly string[]): Sentence[] {
  const { source_size: before, target_size: after, report } = task
  if (after === 0) return []
  const growth = formatGrowth(before, after)
  const sizes = `The result has ${formatSize(after)}, the source ${formatSize(before)}${growth === '' ? '' : `: ${growth}`}.`
  const say = (text: string): Sentence[] => [{ topic: 'size', tone: 'plain', text }]
  const layers = report?.layers ?? []
  const most = layers.toSorted((a, b) => grownBy(b) - grownBy(a))[0]
  const grown = after - before
  if (most === undefined || grown < before * WORTH_A_REASON) return say(sizes)
  const isSaid = warnings.some((warning) => warning.includes(most.digest))
  if (isSaid || grownBy(most) < grown * MOST_OF_IT) return say(sizes)
  const { source_size: own, target_size: made, entries = 0, index_size: index } = most
  const table =
    index === undefined ? '' : `, ${formatSize(index)} of them to say where its files are`
  return say(
    `${sizes} ${namesOf([most], layers)} grew most, from ${formatSize(own)} to ${formatSize(made)} for ${entries} entries${table}.`,
  )
}

function grownBy({ source_size: before, target_size: after }: WireLayerResult): number {
  return after - before
}
