/** What the client tells about its work. Nothing it passes holds a secret: URLs come without query and user. */
export interface RegistryLog {
  debug(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
}

/** A log that tells nobody. */
export const silent: RegistryLog = { debug() {}, warn() {} }
