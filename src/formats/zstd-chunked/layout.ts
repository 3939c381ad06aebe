/**
 * Names, frames and the two footers of zstd:chunked. Two families of readers share the name: the stargz snapshotter,
 * and containers/storage (podman, buildah, CRI-O, skopeo).
 * Source: stargz-snapshotter estargz/zstdchunked/zstdchunked.go; containers/storage
 * pkg/chunked/internal/minimal/compression.go; RFC 8878, 3.1.2.
 */
import { layout, type Of } from '../../bytes/layout.ts'
import { ascii, u32le, u64le } from '../../bytes/scalar.ts'

/** stargz: sha256 of the compressed TOC. Nobody checks it. */
export const STARGZ_CHECKSUM_ANNOTATION = 'io.containers.zstd-chunked.manifest-checksum'
/** stargz: where the TOC is, `offset:compressed:uncompressed:1`. */
export const STARGZ_POSITION_ANNOTATION = 'io.containers.zstd-chunked.manifest-position'
/** containers: sha256 of the compressed TOC. A layer with this and stargz's TOC digest is refused. */
export const CONTAINERS_CHECKSUM_ANNOTATION = 'io.github.containers.zstd-chunked.manifest-checksum'
/** containers: where the TOC is, `offset:compressed:uncompressed:1`. */
export const CONTAINERS_POSITION_ANNOTATION = 'io.github.containers.zstd-chunked.manifest-position'
/** containers: where the tar-split is, `offset:compressed:uncompressed`. */
export const TAR_SPLIT_POSITION_ANNOTATION = 'io.github.containers.zstd-chunked.tarsplit-position'
/** On a member of an index: containers prefers it to others of the same platform. Its value is `true`. */
export const ZSTD_INSTANCE_ANNOTATION = 'io.github.containers.compression.zstd'

/** The only type of table of contents that there is. */
export const MANIFEST_TYPE = 1
export const SKIPPABLE_MAGIC = 0x184d2a50

/** What precedes the bytes of a skippable frame; all positions count from behind it. */
export const SkippableHeader = layout('zstd_skippable_header', 8, {
  magic: [0, u32le, '0x184d2a50'],
  size: [4, u32le, 'bytes of the frame behind this header'],
})
export type SkippableHeader = Of<typeof SkippableHeader>

/** The payload of the last skippable frame, for stargz. */
export const StargzFooter = layout('zstd_chunked_footer_stargz', 40, {
  tocOffset: [0, u64le, 'where the compressed TOC begins'],
  tocSize: [8, u64le, 'its bytes'],
  tocUncompressedSize: [16, u64le, 'its bytes once decompressed'],
  manifestType: [24, u64le, '1'],
  magic: [32, ascii(8), '"GnUlInUx"'],
})
export type StargzFooter = Of<typeof StargzFooter>
export const STARGZ_MAGIC = 'GnUlInUx'

/** The payload of the last skippable frame, for containers/storage, which since version 1.54 reads the annotations instead. */
export const ContainersFooter = layout('zstd_chunked_footer_containers', 64, {
  tocOffset: [0, u64le, 'where the compressed TOC begins'],
  tocSize: [8, u64le, 'its bytes'],
  tocUncompressedSize: [16, u64le, 'its bytes once decompressed'],
  manifestType: [24, u64le, '1'],
  tarSplitOffset: [32, u64le, 'where the compressed tar-split begins'],
  tarSplitSize: [40, u64le, 'its bytes'],
  tarSplitUncompressedSize: [48, u64le, 'its bytes once decompressed'],
  magic: [56, ascii(8), '"GNUlInUx", with another second byte than above'],
})
export type ContainersFooter = Of<typeof ContainersFooter>
export const CONTAINERS_MAGIC = 'GNUlInUx'

/** Most bytes of a TOC, compressed or not, that containers/storage takes. */
export const MAX_TOC_SIZE = 150 * 1024 * 1024
/** Most bytes of a tar-split that are written, compressed: it is held until the TOC is known. */
export const MAX_TAR_SPLIT_SIZE = 64 * 1024 * 1024
