import { MAX_TOC_SIZE } from '../../formats/estargz/layout.ts'
import type { BlobOutput } from '../../formats/estargz/chunk-writer.ts'
import type { LayerWriter } from '../../formats/estargz/write.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import type { TarEntry, TarEvent } from '../../formats/tar/entry.ts'
import { END_OF_TAR, paddingSize } from '../../formats/tar/writer.ts'
import type { ContentTableData } from '../content-table.ts'
import type { LowerAnswers, LowerQuestion } from '../layer-content.ts'
import { LayerRules, type Output } from './layer-rules.ts'
import { openLayerWriter, type LazyBlob, type LazyFormat } from './layer-writer.ts'

/** More zeros than that behind the last entry are not kept. Tar writers fill a record of 10 KiB, or some more. */
const MAX_END = 1024 * 1024

/** What a layer became. */
export interface BuiltLayer {
  /** Undefined where the layer is kept. */
  blob: LazyBlob | undefined
  kept: string | undefined
  warnings: string[]
  entries: number
  content: ContentTableData
  questions: LowerQuestion[]
}

/** Turns the events of a layer's tar into a lazily readable blob, by the rules. */
export class LayerBuild {
  readonly #rules: LayerRules
  #writer: LayerWriter<LazyBlob> | undefined
  #entries = 0
  /** Where in the source the last entry ends, padding included. */
  #end = 0
  /** The content that comes is written; else it is that of an entry that is left out. */
  #writing = false

  constructor(
    host: BatchHost,
    init: {
      what: string
      format: LazyFormat
      lower: LowerAnswers | undefined
      output: BlobOutput
    },
  ) {
    this.#rules = new LayerRules(init.what, init.lower)
    this.#writer = openLayerWriter(host, init.format, init.output)
  }

  /** Bytes of the blob so far. */
  get written(): number {
    return this.#writer?.written ?? 0
  }

  /** Adds a warning to the report. */
  warn(text: string): void {
    this.#rules.warn(text)
  }

  /** What precedes it is fetched when the layer is mounted; `prefetch` is false where that is nothing. */
  async landmark(prefetch: boolean): Promise<void> {
    await this.#writer?.landmark(prefetch)
  }

  /** Takes an event of the TarReader; what it points to may change once the wait is over. */
  take(event: TarEvent): Wait {
    switch (event.type) {
      case 'entry':
        return this.#entry(event.entry, event.header)
      case 'data':
        if (this.#writing) return this.#writer?.data(event.bytes)
        this.#rules.dropped(event.bytes)
        return undefined
      case 'end':
        return undefined
    }
  }

  /** After the last event. `tail`: bytes of the source, and how many at its end are zeros, where it was read in order. */
  async finish(tail?: { size: number; zeros: number }): Promise<BuiltLayer> {
    const rules = this.#rules
    for (const output of rules.closing()) {
      await this.#writer?.entry(output.entry, output.header)
      if (this.#writer) rules.wrote(output, this.#writer.row)
    }
    await this.#checkKept()
    const blob = await this.#finishBlob(this.#endZeros(tail))
    return {
      blob,
      kept: rules.kept,
      warnings: rules.warnings,
      entries: this.#entries,
      content: rules.table.data(),
      questions: rules.questions(),
    }
  }

  #entry(entry: TarEntry, header: Uint8Array): Wait {
    this.#entries++
    this.#end = entry.offset + header.length + entry.size + paddingSize(entry.size)
    const outputs = this.#rules.take(entry, header)
    if (this.#rules.kept !== undefined) {
      this.#writing = false
      return this.#checkKept()
    }
    const [first] = outputs
    this.#writing = first !== undefined && first.entry.size > 0
    if (first === undefined) return undefined
    if (outputs.length > 1 || first.entry.size > 0) return this.#write(outputs)
    const wait = this.#writer!.entry(first.entry, first.header)
    this.#rules.wrote(first, this.#writer!.row)
    return wait
  }

  async #write(outputs: readonly Output[]): Promise<void> {
    for (const output of outputs) {
      await this.#writer!.entry(output.entry, output.header)
      this.#rules.wrote(output, this.#writer!.row)
    }
  }

  /** How many zeros end the tar: as many as the source has behind its last entry, if that is all there is. */
  #endZeros(tail: { size: number; zeros: number } | undefined): number {
    if (tail === undefined) return END_OF_TAR.length
    const behind = tail.size - this.#end
    const same = behind >= 0 && behind <= tail.zeros && behind <= MAX_END
    return same ? behind : END_OF_TAR.length
  }

  /** Stops writing where the layer is kept. */
  async #checkKept(): Promise<void> {
    if (this.#rules.kept === undefined || this.#writer === undefined) return
    const writer = this.#writer
    this.#writer = undefined
    await writer.abandon()
  }

  async #finishBlob(zeros: number): Promise<LazyBlob | undefined> {
    const writer = this.#writer
    if (writer === undefined) return undefined
    await writer.settle()
    const { removed, changed } = this.#rules.corrections()
    for (const [row, change] of changed) writer.toc.change(row, change)
    for (const row of removed) writer.toc.remove(row)
    const size = writer.tocSize
    if (size > MAX_TOC_SIZE) {
      this.#rules.keep(
        `its table of contents would have ${size} bytes, readers take ${MAX_TOC_SIZE}`,
      )
      await this.#checkKept()
      return undefined
    }
    return writer.finish({ zeros, exact: removed.size + changed.size === 0 })
  }
}
