/** What a layer thread does to compare file systems. */
import { compareTrees, type Comparison } from '../formats/listing/compare.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { allowancesOf, type ViewFormat } from './allowances.ts'
import { treeOf } from './listing-data.ts'

export interface CompareJobData {
  /** Layers, the lowest first. */
  source: ListingData[]
  target: ListingData[]
  format: ViewFormat
}

export interface CompareJobResult extends Comparison {
  /** What of the target's layers cannot be applied; what the source has of it too is not said again. */
  problems: string[]
}

/** Lays the layers of both sides over each other and compares the results. */
export async function run({ source, target, format }: CompareJobData): Promise<CompareJobResult> {
  const [original, converted] = [treeOf(source), treeOf(target)]
  const comparison = compareTrees(original, converted, allowancesOf(format))
  const known = new Set(original.problems)
  return { ...comparison, problems: converted.problems.filter((text) => !known.has(text)) }
}
