/**
 * Names, sizes and the three footers of eStargz.
 * Source: stargz-snapshotter docs/estargz.md, estargz/types.go, estargz/gzip.go, estargz/externaltoc/externaltoc.go.
 */
import { layout, type Of } from '../../bytes/layout.ts'
import { ascii, bytes, u16le } from '../../bytes/scalar.ts'

/** Tar entry that holds the table of contents; the last one of the layer. */
export const TOC_NAME = 'stargz.index.json'
/** First entry behind the files that are fetched when the layer is mounted. */
export const PREFETCH_LANDMARK = '.prefetch.landmark'
/** Says that no file is fetched when the layer is mounted. */
export const NO_PREFETCH_LANDMARK = '.no.prefetch.landmark'
/** Whether a path is what the format adds to a layer; readers that know it do not show it. */
export function isOfTheFormat(path: string): boolean {
  return path === TOC_NAME || path === PREFETCH_LANDMARK || path === NO_PREFETCH_LANDMARK
}
/** Content of a landmark. */
export const LANDMARK_BYTE = 0x0f
/** A folder that the file system of the snapshotter shows in every root; a layer's own is hidden by it. */
export const STATE_DIRECTORY = '.stargz-snapshotter'

/** Annotation without which no reader mounts the layer: sha256 of the TOC's JSON. */
export const TOC_DIGEST_ANNOTATION = 'containerd.io/snapshot/stargz/toc.digest'
/** Annotation: bytes of the uncompressed layer, TOC included. */
export const UNCOMPRESSED_SIZE_ANNOTATION = 'io.containers.estargz.uncompressed-size'

/** Bytes of a chunk that every reader expects where nothing is said. */
export const DEFAULT_CHUNK_SIZE = 4 * 1024 * 1024

/** Largest TOC we write or read: containers/storage refuses a larger one. */
export const MAX_TOC_SIZE = 150 * 1024 * 1024

/** An empty gzip member whose extra field says where the TOC is. */
export const EstargzFooter = layout('estargz_footer', 51, {
  gzipHeader: [0, bytes(10), '1f 8b 08, FLG = FEXTRA, no time, OS 255'],
  extraSize: [10, u16le, '26: bytes of the extra field'],
  subfieldId: [12, ascii(2), '"SG"'],
  subfieldSize: [14, u16le, '22: bytes of the subfield'],
  tocOffset: [16, ascii(16), "where the TOC's gzip member begins, hexadecimal with leading zeros"],
  magic: [32, ascii(6), '"STARGZ"'],
  deflate: [38, bytes(5), '01 00 00 ff ff: a last, stored, empty block'],
  trailer: [43, bytes(8), 'CRC32 and size of nothing'],
})
export type EstargzFooter = Of<typeof EstargzFooter>

/** The footer of stargz, before eStargz; read, never written. */
export const LegacyFooter = layout('stargz_footer', 47, {
  gzipHeader: [0, bytes(10), '1f 8b 08, FLG = FEXTRA, no time, OS 255'],
  extraSize: [10, u16le, '22: bytes of the extra field'],
  tocOffset: [12, ascii(16), "where the TOC's gzip member begins, hexadecimal with leading zeros"],
  magic: [28, ascii(6), '"STARGZ"'],
  deflate: [34, bytes(5), '01 00 00 ff ff: a last, stored, empty block'],
  trailer: [39, bytes(8), 'CRC32 and size of nothing'],
})

/** The footer of a layer whose TOC is in another image; recognised, never written. */
export const ExternalTocFooter = layout('estargz_external_toc_footer', 46, {
  gzipHeader: [0, bytes(10), '1f 8b 08, FLG = FEXTRA, no time, OS 255'],
  extraSize: [10, u16le, '21: bytes of the extra field'],
  subfieldId: [12, ascii(2), '"SG"'],
  subfieldSize: [14, u16le, '17: bytes of the subfield'],
  magic: [16, ascii(17), '"STARGZEXTERNALTOC"'],
  deflate: [33, bytes(5), '01 00 00 ff ff: a last, stored, empty block'],
  trailer: [38, bytes(8), 'CRC32 and size of nothing'],
})
