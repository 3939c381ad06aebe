import { RefChunks } from '../../formats/nydus-blob/ref-chunks.ts'
import { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import type { TarChunkEvent } from '../../formats/zran/tar-chunks.ts'
import { Warnings } from '../warnings.ts'
import { OWN_BLOB } from './layer-build.ts'
import { LayerEntries } from './layer-entries.ts'

export interface RefBuildInit {
  what: string
  /** Bytes of a chunk. */
  chunkSize: number
  /** The layer is inflated from contexts. */
  zran: boolean
}

/** Turns the events of a layer that stays where it is into a tree and places of chunks. */
export class RefBuild {
  readonly layer: LayerTree
  readonly entries: LayerEntries
  readonly chunks: RefChunks
  readonly warnings = new Warnings()
  /** Entries of the tar. */
  count = 0
  /** The file whose content comes. */
  #inode = 0
  #size = 0
  #left = 0
  #ids: number[] = []

  constructor({ what, chunkSize, zran }: RefBuildInit) {
    this.layer = new LayerTree({ what, chunkSize })
    this.entries = new LayerEntries(this.layer, this.warnings)
    const { chunks } = this.layer.tree.inodes
    this.chunks = new RefChunks({ what, chunks, zran, blobIndex: OWN_BLOB })
  }

  /** Takes an event. Throws DRIVER_ENTRY_REFUSED, FORMAT_…. */
  take(event: TarChunkEvent): void {
    if (event.type === 'entry') {
      this.count++
      const inode = this.entries.take(event.entry)
      if (inode === undefined) return
      this.#inode = inode
      this.#size = this.#left = event.entry.size
      this.#ids = []
    } else if (event.type === 'chunk') {
      this.#ids.push(this.chunks.add(event.bytes, event.place))
      this.#left -= event.bytes.length
      if (this.#left > 0) return
      this.layer.tree.inodes.setContent(this.#inode, this.#size, this.#ids)
    }
  }
}
