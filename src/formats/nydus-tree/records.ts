/** Records of one page. */
const PAGE_BITS = 10
const PAGE_SIZE = 2 ** PAGE_BITS
const PAGE_MASK = PAGE_SIZE - 1

const WORD = 2 ** 32

/**
 * Many records of a few 32-bit words each, kept in pages of 1,024 records: a million records cost their bytes and no
 * objects, and growing copies nothing. All tables are of this one class and one kind of array, so that the code that
 * works on them is compiled once.
 */
export class Records {
  /** How many records there are. */
  length = 0
  readonly #words: number
  readonly #pages: Uint32Array[] = []

  /** `words`: of each record. */
  constructor(words: number) {
    this.#words = words
  }

  /** Bytes reserved. */
  get size(): number {
    return this.#pages.length * PAGE_SIZE * this.#words * 4
  }

  /** Adds a record of zeros and returns its number. */
  add(): number {
    const id = this.length++
    if ((id & PAGE_MASK) === 0) this.#pages.push(new Uint32Array(PAGE_SIZE * this.#words))
    return id
  }

  /** Adds a copy of the record `id` of `other`, whose records are as long, and returns its number. */
  addFrom(other: Records, id: number): number {
    const made = this.add()
    const words = this.#words
    const from = other.#pages[id >>> PAGE_BITS] as Uint32Array
    const to = this.#pages[made >>> PAGE_BITS] as Uint32Array
    const source = (id & PAGE_MASK) * words
    const target = (made & PAGE_MASK) * words
    for (let word = 0; word < words; word++) to[target + word] = from[source + word] as number
    return made
  }

  get(id: number, word: number): number {
    const page = this.#pages[id >>> PAGE_BITS] as Uint32Array
    return page[(id & PAGE_MASK) * this.#words + word] as number
  }

  set(id: number, word: number, value: number): void {
    const page = this.#pages[id >>> PAGE_BITS] as Uint32Array
    page[(id & PAGE_MASK) * this.#words + word] = value
  }

  /** The integer in two words, the low one first; it may be negative. */
  getWide(id: number, word: number): number {
    return (this.get(id, word + 1) | 0) * WORD + this.get(id, word)
  }

  /** Sets two words to a safe integer. */
  setWide(id: number, word: number, value: number): void {
    this.set(id, word, value)
    this.set(id, word + 1, Math.floor(value / WORD))
  }
}
