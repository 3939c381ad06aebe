/** The suite that every driver must pass, and what writes layers for its other tests. Runs under `node:test`. */
export {
  type Converted,
  type DriverBench,
  driverSuite,
  openDriverBench,
} from './testing/driver-suite.ts'
export { type BuiltLayer, buildLayer, type LayerInit } from './testing/image-builder.ts'
export { type TarBuilder, type TestEntryInit, testTar } from './testing/tar-builder.ts'
