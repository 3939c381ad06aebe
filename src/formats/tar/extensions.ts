import type { EntryContext } from './decode-entry.ts'
import type { TarFault } from './fault.ts'
import { textAt, textEnd } from './field.ts'
import type { Text } from './field.ts'
import { decodePax, mergePax, PaxFields } from './pax.ts'

/** Typeflags of the headers that describe what follows them: PAX `x` and `g`, GNU `L` and `K`. */
export const EXTENSION = { local: 0x78, global: 0x67, longName: 0x4c, longLink: 0x4b } as const

/** What extension headers said: for the entry under way, and for all entries since. */
export class Extensions {
  readonly #fault: TarFault
  #local: PaxFields | undefined = undefined
  #global: PaxFields | undefined = undefined
  #globalSize = 0
  #longName: Text | undefined = undefined
  #longLink: Text | undefined = undefined

  constructor(fault: TarFault) {
    this.#fault = fault
  }

  static has(typeflag: number): boolean {
    return (
      typeflag === EXTENSION.local ||
      typeflag === EXTENSION.global ||
      typeflag === EXTENSION.longName ||
      typeflag === EXTENSION.longLink
    )
  }

  /** Takes the body in `start` to `end` of `bytes`, which lies at `offset` of the tar. */
  add(typeflag: number, bytes: Buffer, start: number, end: number, offset: number): void {
    switch (typeflag) {
      case EXTENSION.local:
        this.#local ??= new PaxFields()
        decodePax(bytes, start, end, this.#local, offset, this.#fault)
        return
      case EXTENSION.global:
        // Records stay until the end, so they are limited together.
        this.#globalSize += end - start
        this.#fault.check('extensionHeader', this.#globalSize, 'global PAX records, bytes')
        this.#global ??= new PaxFields()
        decodePax(bytes, start, end, this.#global, offset, this.#fault)
        if (this.#global.sparse !== undefined) {
          this.#fault.in(offset)(0, 'a global PAX header describes a sparse file')
        }
        return
      case EXTENSION.longName:
        this.#longName = textAt(bytes, start, textEnd(bytes, start, end - start))
        return
      case EXTENSION.longLink:
        this.#longLink = textAt(bytes, start, textEnd(bytes, start, end - start))
    }
  }

  /** What counts for the entry whose first block is at `offset`; forgets what was for it alone. */
  forEntry(offset: number): EntryContext {
    const merged = this.#global === undefined ? undefined : mergePax(this.#global, this.#local)
    const context: EntryContext = {
      fields: merged === undefined ? this.#local : merged.fields,
      fromGlobal: merged?.fromGlobal ?? false,
      longName: this.#longName,
      longLink: this.#longLink,
      offset,
    }
    this.#local = undefined
    this.#longName = undefined
    this.#longLink = undefined
    return context
  }
}
