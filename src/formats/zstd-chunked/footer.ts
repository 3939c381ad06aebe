import { viewOf } from '../../bytes/layout.ts'
import {
  CONTAINERS_MAGIC,
  ContainersFooter,
  MANIFEST_TYPE,
  SKIPPABLE_MAGIC,
  SkippableHeader,
  STARGZ_MAGIC,
  StargzFooter,
} from './layout.ts'

/** Where something compressed lies in a blob: behind the header of its skippable frame. */
export interface Position {
  offset: number
  size: number
  uncompressedSize: number
}

/** What a footer says. The stargz footer says nothing of a tar-split. */
export interface Footer {
  dialect: 'stargz' | 'containers'
  /** Bytes of its frame, header included. */
  size: number
  toc: Position
  tarSplit?: Position
}

/** Bytes at the end of a blob that hold any of the footers, with the header of its frame. */
export const FOOTER_TAIL = SkippableHeader.size + ContainersFooter.size

/** The header of a skippable frame of `size` bytes. */
export function skippableHeader(size: number): Uint8Array {
  const header = new Uint8Array(SkippableHeader.size)
  SkippableHeader.encode(viewOf(header), 0, { magic: SKIPPABLE_MAGIC, size })
  return header
}

/** The frame that ends a blob for the stargz snapshotter. */
export function encodeStargzFooter(toc: Position): Uint8Array {
  const frame = new Uint8Array(SkippableHeader.size + StargzFooter.size)
  frame.set(skippableHeader(StargzFooter.size))
  StargzFooter.encode(viewOf(frame), SkippableHeader.size, {
    ...tocFields(toc),
    magic: STARGZ_MAGIC,
  })
  return frame
}

/** The frame that ends a blob for containers/storage. */
export function encodeContainersFooter(toc: Position, tarSplit: Position): Uint8Array {
  const frame = new Uint8Array(SkippableHeader.size + ContainersFooter.size)
  frame.set(skippableHeader(ContainersFooter.size))
  ContainersFooter.encode(viewOf(frame), SkippableHeader.size, {
    ...tocFields(toc),
    tarSplitOffset: tarSplit.offset,
    tarSplitSize: tarSplit.size,
    tarSplitUncompressedSize: tarSplit.uncompressedSize,
    magic: CONTAINERS_MAGIC,
  })
  return frame
}

function tocFields({ offset, size, uncompressedSize }: Position) {
  return {
    tocOffset: offset,
    tocSize: size,
    tocUncompressedSize: uncompressedSize,
    manifestType: MANIFEST_TYPE,
  }
}

/**
 * Reads the footer at the end of `tail`, the last FOOTER_TAIL bytes of a blob (or all of a shorter one); undefined
 * where there is none. Throws LayoutError where a number is no safe integer.
 */
export function decodeFooter(tail: Uint8Array): Footer | undefined {
  const view = viewOf(tail)
  const footer = stargzFooter(tail, view) ?? containersFooter(tail, view)
  if (footer === undefined) return undefined
  const { magic, size } = SkippableHeader.decode(view, tail.length - footer.size)
  const whole = magic === SKIPPABLE_MAGIC && size === footer.size - SkippableHeader.size
  return whole ? footer : undefined
}

function stargzFooter(tail: Uint8Array, view: DataView): Footer | undefined {
  const size = SkippableHeader.size + StargzFooter.size
  const at = tail.length - StargzFooter.size
  if (tail.length < size || !endsIn(tail, STARGZ_MAGIC)) return undefined
  const footer = StargzFooter.decode(view, at)
  if (footer.manifestType !== MANIFEST_TYPE) return undefined
  return { dialect: 'stargz', size, toc: tocPosition(footer) }
}

function containersFooter(tail: Uint8Array, view: DataView): Footer | undefined {
  const size = SkippableHeader.size + ContainersFooter.size
  const at = tail.length - ContainersFooter.size
  if (tail.length < size || !endsIn(tail, CONTAINERS_MAGIC)) return undefined
  const footer = ContainersFooter.decode(view, at)
  if (footer.manifestType !== MANIFEST_TYPE) return undefined
  const tarSplit = {
    offset: footer.tarSplitOffset,
    size: footer.tarSplitSize,
    uncompressedSize: footer.tarSplitUncompressedSize,
  }
  return { dialect: 'containers', size, toc: tocPosition(footer), tarSplit }
}

function tocPosition(footer: StargzFooter | ContainersFooter): Position {
  return {
    offset: footer.tocOffset,
    size: footer.tocSize,
    uncompressedSize: footer.tocUncompressedSize,
  }
}

function endsIn(tail: Uint8Array, magic: string): boolean {
  return Buffer.from(tail.subarray(tail.length - magic.length)).toString('latin1') === magic
}

/** A position as annotations say it: `offset:compressed:uncompressed`, and behind a TOC's its type. */
export function positionText({ offset, size, uncompressedSize }: Position): string {
  return `${offset}:${size}:${uncompressedSize}`
}

/** Reads what `positionText` writes; `manifest`: with the type of a TOC behind it. Undefined where it is none. */
export function parsePosition(text: string, manifest: boolean): Position | undefined {
  const pattern = manifest
    ? /^(\d{1,15}):(\d{1,15}):(\d{1,15}):1$/
    : /^(\d{1,15}):(\d{1,15}):(\d{1,15})$/
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [offset, size, uncompressedSize] = found.slice(1).map(Number) as [number, number, number]
  return { offset, size, uncompressedSize }
}
