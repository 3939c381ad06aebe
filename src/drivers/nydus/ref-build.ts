import { contentOfPieces } from '../../formats/listing/content-hash.ts'
import type { TarListing } from '../../formats/listing/tar-listing.ts'
import { RefChunks } from '../../formats/nydus-blob/ref-chunks.ts'
import { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import type { TarChunkEvent } from '../../formats/zran/tar-chunks.ts'
import { Warnings } from '../warnings.ts'
import { OWN_BLOB } from './layer-build.ts'
import { REF_ALGORITHMS } from './ref-algorithms.ts'
import { LayerEntries } from './layer-entries.ts'

export interface RefBuildInit {
  what: string
  /** Bytes of a chunk. */
  chunkSize: number
  /** The layer is inflated from contexts. */
  zran: boolean
  /** Gets what the layer holds, files with the digests of their chunks. @default nothing is listed */
  listing?: TarListing | undefined
}

/** Turns the events of a layer that stays where it is into a tree and places of chunks. */
export class RefBuild {
  readonly layer: LayerTree
  readonly entries: LayerEntries
  readonly chunks: RefChunks
  readonly warnings = new Warnings()
  /** Entries of the tar. */
  count = 0
  readonly #listing: TarListing | undefined
  /** The file whose content comes. */
  #inode = 0
  #size = 0
  #left = 0
  #ids: number[] = []

  constructor({ what, chunkSize, zran, listing }: RefBuildInit) {
    this.#listing = listing
    this.layer = new LayerTree({ what, chunkSize })
    this.entries = new LayerEntries(this.layer, this.warnings)
    const { chunks } = this.layer.tree.inodes
    this.chunks = new RefChunks({ what, chunks, zran, blobIndex: OWN_BLOB })
  }

  /** Takes an event. Throws DRIVER_ENTRY_REFUSED, FORMAT_…. */
  take(event: TarChunkEvent): void {
    if (event.type === 'entry') {
      this.count++
      this.#listing?.take(event)
      const inode = this.entries.take(event.entry)
      if (inode === undefined) return
      this.#inode = inode
      this.#size = this.#left = event.entry.size
      this.#ids = []
    } else if (event.type === 'chunk') {
      this.#ids.push(this.chunks.add(event.bytes, event.place))
      this.#left -= event.bytes.length
      if (this.#left > 0) return
      const { chunks } = this.layer.tree.inodes
      this.layer.tree.inodes.setContent(this.#inode, this.#size, this.#ids)
      this.#listing?.close(
        contentOfPieces(
          this.#ids.map((id) => chunks.digestOf(id)),
          REF_ALGORITHMS.digester,
        ),
      )
    }
  }
}
