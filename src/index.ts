/** What a program that embeds the service imports: conversions, with or without the daemon around them. */
export { type LoadedConfig, type LoadInit, loadConfig, parseConfig } from './config/load.ts'
export type { Config } from './config/schema.ts'
export type { ConversionEvent, LayerProgress, LayerState } from './convert/events.ts'
export type { ConversionReport, ImageReport, LayerReport } from './convert/report.ts'
export {
  type ConversionService,
  type ImageRequest,
  openConversionService,
  type ServiceInit,
} from './convert/service.ts'
export {
  AccelError,
  type ErrorCode,
  type ErrorContext,
  isAccelError,
} from './errors/accel-error.ts'
export { createLog, type Log, type LogFields, type LogInit, silentLog } from './log/log.ts'
export { type Digest, parseDigest } from './oci/digest.ts'
export { formatReference, parseReference, type Reference } from './oci/reference.ts'
