/** What the author of a driver imports. The contract is `Driver`; `./driver/testing` has the suite that proves it. */
export type {
  ConfiguredDriver,
  Driver,
  DriverContext,
  ImageConverter,
  LayerConverter,
  LayerInput,
} from './drivers/driver.ts'
export type { LayerResult } from './drivers/layer-result.ts'
export {
  ContentTable,
  type ContentTableData,
  type LayerContentData,
  noContent,
} from './drivers/content-table.ts'
export type {
  BlobOrigin,
  FinishedImage,
  FinishedLayer,
  FinishImage,
  ImageBlob,
  ImageContext,
  ImageLayer,
  ManifestPlan,
  OpenedImage,
  SourceImageInput,
} from './drivers/image-step.ts'
export type {
  ContentEntry,
  DirectoryMetadata,
  LayerContent,
  LowerAnswers,
  LowerEntry,
  LowerQuestion,
} from './drivers/layer-content.ts'
export type { BlobStore, BlobStoreInit } from './transport/image-transport.ts'
export {
  AccelError,
  type ErrorCode,
  type ErrorContext,
  isAccelError,
} from './errors/accel-error.ts'
export type { Descriptor, Platform } from './oci/descriptor.ts'
export { type Digest, digestFrom, digestOf, parseDigest } from './oci/digest.ts'
export { type Compression, layerType } from './oci/media-type.ts'
export { type ByteSource, bytesFrom, collect } from './streams/byte-source.ts'
export type { ThreadPool } from './threads/pool.ts'
export { moduleBeside } from './threads/start-thread.ts'
