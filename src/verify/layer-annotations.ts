import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from '../formats/estargz/layout.ts'
import {
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  STARGZ_CHECKSUM_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
  TAR_SPLIT_POSITION_ANNOTATION,
} from '../formats/zstd-chunked/layout.ts'

type Annotations = Readonly<Record<string, string>>

const STARGZ = [TOC_DIGEST_ANNOTATION, STARGZ_CHECKSUM_ANNOTATION, STARGZ_POSITION_ANNOTATION]
const CONTAINERS = [
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  TAR_SPLIT_POSITION_ANNOTATION,
]

/** Whether annotations are those of a zstd:chunked layer, of either dialect, be it with some missing. */
export function areChunked(annotations: Annotations): boolean {
  return [STARGZ_CHECKSUM_ANNOTATION, STARGZ_POSITION_ANNOTATION, ...CONTAINERS].some(
    (key) => key in annotations,
  )
}

/**
 * What is wrong with the annotations of an eStargz or zstd:chunked layer besides what they say of the TOC, which is
 * checked where that is read: `tarSize` is the bytes of the tar. Source of what readers ask for: stargz-snapshotter
 * fs/fs.go (`Mount`); containers/storage pkg/chunked/storage_linux.go (`NewDiffer`).
 */
export function annotationProblems(annotations: Annotations, tarSize: number): string[] {
  const problems: string[] = []
  const chunked = areChunked(annotations)
  const containers = CONTAINERS.some((key) => key in annotations)
  const wanted = chunked ? (containers ? CONTAINERS : STARGZ) : [TOC_DIGEST_ANNOTATION]
  for (const key of wanted) {
    if (!(key in annotations)) problems.push(`the annotation ${key} is missing`)
  }
  const refused =
    CONTAINERS_CHECKSUM_ANNOTATION in annotations && TOC_DIGEST_ANNOTATION in annotations
  if (refused) {
    problems.push(
      `containers/storage refuses a layer with both ${CONTAINERS_CHECKSUM_ANNOTATION} and ${TOC_DIGEST_ANNOTATION}`,
    )
  }
  const size = annotations[UNCOMPRESSED_SIZE_ANNOTATION]
  if (size !== undefined && size !== String(tarSize)) {
    problems.push(
      `the annotation ${UNCOMPRESSED_SIZE_ANNOTATION} is ${size}, its tar has ${tarSize} bytes`,
    )
  }
  return problems
}
