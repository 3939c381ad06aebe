import { Crc64 } from '../formats/zstd-chunked/crc64.ts'
import type { TarSplitRecord } from '../formats/zstd-chunked/tar-split.ts'
import { cleanPath } from '../formats/tar/path.ts'
import type { Findings } from './finding.ts'

/** Where the TOC says that the content of a file begins in the tar, and how long it is; undefined where it has none. */
export type FilePlace = (name: string) => { start: number; size: number } | undefined

/**
 * Follows a tar-split through the tar: together with the files of the TOC it must make the same bytes again, or
 * containers/storage refuses the layer. The first thing that is wrong is a finding; what follows it is not looked at.
 */
export class TarSplitCheck {
  readonly #records: readonly TarSplitRecord[]
  readonly #place: FilePlace
  readonly #findings: Findings
  #next = 0
  /** Bytes of the current record that are past. */
  #past = 0
  #crc = new Crc64()
  /** The name of the last file of a record, for what is wrong behind it. */
  #path = ''
  #failed = false

  constructor(records: readonly TarSplitRecord[], place: FilePlace, findings: Findings) {
    this.#records = records
    this.#place = place
    this.#findings = findings
  }

  /** Takes the bytes of the tar, which begin at `start`; all before were given. */
  take(start: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#failed;) {
      const record = this.#records[this.#next]
      if (record === undefined) return this.#fail('it ends before the tar')
      const size = record.type === 'segment' ? record.bytes.length : record.size
      const piece = bytes.subarray(at, at + size - this.#past)
      if (record.type === 'file') this.#file(record, start + at, piece)
      else this.#segment(record.bytes, piece)
      at += piece.length
      this.#past += piece.length
      if (this.#past === size) this.#end(record)
    }
  }

  /** After the last bytes. */
  finish(): void {
    // A file without content has no bytes that would pass it.
    while (this.#isEmpty(this.#records[this.#next])) this.#next++
    if (!this.#failed && this.#next < this.#records.length) this.#fail('it goes on behind the tar')
  }

  #segment(said: Uint8Array, piece: Uint8Array): void {
    const want = said.subarray(this.#past, this.#past + piece.length)
    if (Buffer.compare(want, piece) === 0) return
    this.#fail(
      this.#path === '' ? 'it begins with another header' : 'the header behind it is another',
    )
  }

  #file(
    { name, size }: Extract<TarSplitRecord, { type: 'file' }>,
    start: number,
    piece: Uint8Array,
  ): void {
    if (this.#past === 0) {
      this.#path = cleanPath(name)
      if (size === 0) return
      const place = this.#place(name)
      if (place?.start !== start || place.size !== size) {
        return this.#fail(`the TOC has not these ${size} bytes as ${JSON.stringify(name)}`)
      }
      this.#crc = new Crc64()
    }
    this.#crc.update(piece)
  }

  #end(record: TarSplitRecord): void {
    this.#past = 0
    this.#next++
    if (this.#failed || record.type === 'segment' || record.size === 0) return
    const got = Buffer.from(this.#crc.digest()).toString('base64')
    if (got !== record.crc)
      this.#fail(`the CRC is ${record.crc ?? 'missing'}, its bytes have ${got}`)
  }

  #isEmpty(record: TarSplitRecord | undefined): boolean {
    return record?.type === 'file' && record.size === 0
  }

  #fail(problem: string): void {
    this.#failed = true
    this.#findings.add(this.#path === '' ? 'tar-split' : this.#path, `tar-split: ${problem}`)
  }
}
