import { Listing, type ListingData } from '../formats/listing/listing.ts'
import { parentPath } from '../formats/tar/path.ts'
import { ContentTable, KIND, type LayerContentData } from './content-table.ts'
import type { LowerQuestion } from './layer-content.ts'

const LISTED = {
  file: KIND.other,
  symlink: KIND.symlink,
  hardlink: KIND.hardlink,
  character: KIND.other,
  block: KIND.other,
  fifo: KIND.other,
} as const

/** The content of a layer that is listed: what a conversion of it would tell the layers above. */
export function contentOfListing(
  listing: ListingData,
  questions: LowerQuestion[],
): LayerContentData {
  const table = new ContentTable()
  for (const entry of new Listing(listing)) {
    const number = table.add(entry.path)
    if (entry.kind === 'whiteout') table.setWhiteout(number, true)
    else if (entry.kind === 'opaque') table.setOpaque(number, true)
    else if (entry.kind === 'directory') table.setDirectory(number, entry)
    else table.setKind(number, LISTED[entry.kind])
    for (let parent = parentPath(entry.path); parent; parent = parentPath(parent)) {
      const above = table.add(parent)
      if (table.isFilled(above)) break
      table.setFilled(above, true)
    }
  }
  return { table: table.data(), questions }
}
