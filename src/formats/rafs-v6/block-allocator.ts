import { SLOT_SIZE } from '../erofs/layout.ts'
import { BLOCK_SIZE } from './layout.ts'

/** Slots in a block. */
const SLOTS = BLOCK_SIZE / SLOT_SIZE

/**
 * Finds a place for every inode and its data in the metadata area: what is left at the end of blocks is remembered by
 * how many slots are free and used for later inodes that fit. Positions are relative to the start of the area, whose
 * first block stays empty so that the root is not nid 0.
 *
 * The result is the same as nydus': builder/src/core/context.rs (allocate_available_block, append_available_block)
 * and builder/src/core/v6.rs (v6_set_offset, v6_set_offset_with_tail).
 */
export class BlockAllocator {
  /** Where the next unused byte is. A multiple of 32 between calls. */
  position = BLOCK_SIZE
  /** By number of free slots: blocks in the order in which they became partly free, and how many have been taken. */
  readonly #free: { blocks: number[]; taken: number }[] = Array.from({ length: SLOTS }, () => ({
    blocks: [],
    taken: 0,
  }))
  /** Which of them have blocks left: a bit for each number of free slots. */
  readonly #some = new Int32Array(SLOTS / 32)

  /** A place for an inode with `size` bytes behind it, all in one go: files. */
  placeFile(size: number): number {
    const at = this.#take(size) ?? this.#append(size)
    this.#align(SLOT_SIZE)
    return at
  }

  /** A place for a device, FIFO or socket, which never goes into what is left of a block. */
  placeSpecial(size: number): number {
    const at = this.#append(size)
    this.#align(SLOT_SIZE)
    return at
  }

  /**
   * Places for an inode of `inodeSize` and its `dataSize` bytes: whole blocks at `data`, and the rest behind the inode
   * where both fit into one block (`inline`), else with the blocks.
   */
  placeWithData(
    inodeSize: number,
    dataSize: number,
  ): { inode: number; data: number; inline: boolean } {
    const tail = dataSize % BLOCK_SIZE
    const inline = isInline(inodeSize, dataSize)
    let inode: number
    let data: number
    if (inline) {
      const taken = this.#take(inodeSize + tail)
      if (taken === undefined) {
        if (BLOCK_SIZE - (this.position % BLOCK_SIZE) < inodeSize + tail) this.#closeBlock()
        inode = this.#append(inodeSize + tail)
      } else inode = taken
      if (dataSize !== tail) this.#closeBlock()
      data = this.#append(dataSize - tail)
    } else {
      inode = this.#take(inodeSize) ?? this.#append(inodeSize)
      this.#closeBlock()
      data = this.#append(dataSize)
      this.#align(BLOCK_SIZE)
    }
    this.#align(SLOT_SIZE)
    return { inode, data, inline }
  }

  #append(size: number): number {
    const at = this.position
    this.position += size
    return at
  }

  #align(unit: number): void {
    this.position = Math.ceil(this.position / unit) * unit
  }

  /** Goes on to the next block and remembers what is left of this one. */
  #closeBlock(): void {
    this.#remember(this.position)
    this.#align(BLOCK_SIZE)
  }

  #remember(position: number): void {
    const used = position % BLOCK_SIZE
    if (used === 0) return
    const slots = Math.floor((BLOCK_SIZE - used) / SLOT_SIZE)
    this.#free[slots]!.blocks.push(position - used)
    this.#some[slots >>> 5]! |= 1 << (slots & 31)
  }

  /** A place in what is left of some block: of the smallest rest that is large enough the oldest. */
  #take(size: number): number | undefined {
    if (size >= BLOCK_SIZE) return undefined
    const wanted = Math.ceil(size / SLOT_SIZE)
    const slots = this.#fewest(wanted)
    if (slots === SLOTS) return undefined
    const list = this.#free[slots]!
    const block = list.blocks[list.taken++]!
    if (list.taken === list.blocks.length) {
      list.blocks.length = 0
      list.taken = 0
      this.#some[slots >>> 5]! &= ~(1 << (slots & 31))
    }
    const at = block + BLOCK_SIZE - slots * SLOT_SIZE
    this.#remember(at + wanted * SLOT_SIZE)
    return at
  }

  /** The smallest number of free slots, at least `wanted`, that some block has; SLOTS where none has. */
  #fewest(wanted: number): number {
    for (let slots = wanted; slots < SLOTS; slots = (slots | 31) + 1) {
      const bits = this.#some[slots >>> 5]! & (-1 << (slots & 31))
      if (bits !== 0) return (slots & ~31) + 31 - Math.clz32(bits & -bits)
    }
    return SLOTS
  }
}

/** Tells whether the last part of the data of such an inode is stored behind it. */
export function isInline(inodeSize: number, dataSize: number): boolean {
  const tail = dataSize % BLOCK_SIZE
  return tail !== 0 && inodeSize + tail <= BLOCK_SIZE
}
