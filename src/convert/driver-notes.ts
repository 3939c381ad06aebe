import type { Config } from '../config/schema.ts'
import { driverNamed } from '../drivers/registry.ts'

/** What drivers say of their options, each once: what has no effect, or another one than written. Throws DRIVER_…. */
export function driverNotes({ converter: { driver, rules } }: Config): string[] {
  const chosen = [driver, ...rules.map((rule) => rule.driver)].filter(({ type }) => type !== '')
  const notes = chosen.flatMap(
    ({ type, config }) => driverNamed(type).configure(config).notes ?? [],
  )
  return [...new Set(notes)]
}
