import { AccelError } from '../errors/accel-error.ts'
import type { Driver } from './driver.ts'
import { estargz } from './estargz/index.ts'
import { nydus } from './nydus/index.ts'
import { zstdChunked } from './zstd-chunked/index.ts'

/** Every driver there is. */
export const drivers: readonly Driver[] = [estargz, nydus, zstdChunked]

/** The driver that `converter.driver.type` names. Throws DRIVER_UNKNOWN. */
export function driverNamed(name: string): Driver {
  const driver = drivers.find((one) => one.name === name)
  if (driver) return driver
  const known = drivers.map((one) => one.name).join(', ')
  throw new AccelError('DRIVER_UNKNOWN', { name, known })
}
