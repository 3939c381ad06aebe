import { viewOf } from '../../bytes/layout.ts'
import { EstargzFooter, ExternalTocFooter, LegacyFooter } from './layout.ts'

const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff)
const EMPTY_BLOCK = Uint8Array.of(0x01, 0x00, 0x00, 0xff, 0xff)

/** Bytes at the end of a blob that hold any of the footers. */
export const FOOTER_TAIL = EstargzFooter.size

/** Writes the footer of a blob whose TOC begins at `tocOffset`. */
export function encodeFooter(tocOffset: number): Uint8Array {
  const footer = new Uint8Array(EstargzFooter.size)
  EstargzFooter.encode(viewOf(footer), 0, {
    gzipHeader: GZIP_HEADER,
    extraSize: 26,
    subfieldId: 'SG',
    subfieldSize: 22,
    tocOffset: tocOffset.toString(16).padStart(16, '0'),
    magic: 'STARGZ',
    deflate: EMPTY_BLOCK,
    trailer: new Uint8Array(8),
  })
  return footer
}

/** What a footer says. */
export type Footer =
  | { toc: 'inside'; /** Bytes. */ size: number; tocOffset: number }
  | { toc: 'elsewhere'; size: number }

/** Reads the footer at the end of `tail`, the last FOOTER_TAIL bytes of a blob (or all of a shorter one); undefined where there is none. */
export function decodeFooter(tail: Uint8Array): Footer | undefined {
  const current = record(EstargzFooter, tail)
  if (current && isGzip(current.gzipHeader) && current.extraSize === 26) {
    const { subfieldId, subfieldSize, magic } = current
    const tocOffset = hexOffset(current.tocOffset)
    if (subfieldId === 'SG' && subfieldSize === 22 && magic === 'STARGZ' && tocOffset >= 0) {
      return { toc: 'inside', size: EstargzFooter.size, tocOffset }
    }
  }
  const old = record(LegacyFooter, tail)
  if (old && isGzip(old.gzipHeader) && old.extraSize === 22 && old.magic === 'STARGZ') {
    const tocOffset = hexOffset(old.tocOffset)
    if (tocOffset >= 0) return { toc: 'inside', size: LegacyFooter.size, tocOffset }
  }
  const external = record(ExternalTocFooter, tail)
  if (external && isGzip(external.gzipHeader) && external.magic === 'STARGZEXTERNALTOC') {
    return { toc: 'elsewhere', size: ExternalTocFooter.size }
  }
  return undefined
}

function record<Value>(
  table: { size: number; decode(view: DataView, at: number): Value },
  tail: Uint8Array,
): Value | undefined {
  if (tail.length < table.size) return undefined
  return table.decode(viewOf(tail), tail.length - table.size)
}

/** A gzip header with an extra field and no other; time and operating system may differ. */
function isGzip(header: Uint8Array): boolean {
  return header[0] === 0x1f && header[1] === 0x8b && header[2] === 0x08 && header[3] === 4
}

function hexOffset(text: string): number {
  if (!/^[0-9a-fA-F]{16}$/.test(text)) return -1
  const offset = Number.parseInt(text, 16)
  return Number.isSafeInteger(offset) ? offset : -1
}
