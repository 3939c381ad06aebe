import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { FileFacts } from '../config/key-note.ts'
import { parseConfig, requireTagSuffix } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { readTextFile } from '../config/text-file.ts'
import { parseYaml } from '../config/yaml-tree.ts'
import { driverNamed } from '../drivers/registry.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { states, type ConfigReport, type Finding } from './finding.ts'
import { walk } from './walk.ts'

/** How a file is looked at. */
export interface CheckInit {
  /** What `env:NAME` looks names up in. */
  environment: Readonly<Record<string, string | undefined>>
}

/**
 * Says of a configuration file, key by key, what becomes of it. Contacts nobody. Throws CONFIG_UNREADABLE; what is wrong
 * in the file is among the findings.
 */
export function checkConfig(file: string, init: CheckInit): ConfigReport {
  const text = readTextFile(file)
  const tree = parseYaml(text)
  const walked = tree.problems.length > 0 ? [] : walk(tree.root, factsOf(file))
  const noted = [...walked]
  const lineOf = (path: string): number => walked.find((one) => one.path === path)?.line ?? 0
  const note = (finding: Finding): void => {
    const known = noted.findIndex(({ path }) => path === finding.path)
    const before = noted[known]
    // one line for a key, the worst that is said of it
    if (before === undefined) noted.push(finding)
    else if (states.indexOf(finding.state) >= states.indexOf(before.state)) noted[known] = finding
  }
  try {
    const { config, warnings } = parseConfig(text, file, init)
    for (const { line, path, problem } of warnings) {
      note({ line, path, state: 'unknown', note: problem })
    }
    for (const finding of driverFindings(config)) {
      note({ ...finding, line: lineOf(finding.path) })
    }
    requireTagSuffix(config, file)
  } catch (error) {
    if (!isAccelError(error, 'CONFIG_INVALID')) throw error
    for (const { line, path, problem } of error.context.problems) {
      note({ line, path, state: 'error', note: problem })
    }
  }
  const findings = noted.toSorted(byPlace)
  return { file, usable: findings.every(({ state }) => state !== 'error'), findings }
}

/** What the drivers say of their options, and what is wrong with a list of platforms. */
function driverFindings(config: Config): Finding[] {
  const { driver, platforms, rules } = config.converter
  const own = rules.map((rule, index) => ({ rule, at: `converter.rules[${index}]` }))
  return [
    ...ofDriver('converter.driver', driver),
    ...ofPlatforms('converter.platforms', platforms),
    ...own.flatMap(({ rule, at }) => [
      ...(rule.driver.type === '' ? [] : ofDriver(`${at}.driver`, rule.driver)),
      ...ofPlatforms(`${at}.platforms`, rule.platforms),
    ]),
  ]
}

function ofDriver(
  at: string,
  { type, config }: { type: string; config: Readonly<Record<string, string>> },
): Finding[] {
  try {
    const { notes = [] } = driverNamed(type).configure(config)
    return notes.map((note) => ({ line: 0, path: `${at}.config`, state: 'dead', note }))
  } catch (error) {
    const path = isAccelError(error, 'DRIVER_UNKNOWN') ? `${at}.type` : `${at}.config`
    return [{ line: 0, path, state: 'error', note: messageOf(error) }]
  }
}

function ofPlatforms(path: string, platforms: string): Finding[] {
  try {
    parsePlatforms(platforms)
    return []
  } catch (error) {
    return [{ line: 0, path, state: 'error', note: messageOf(error) }]
  }
}

function messageOf(error: unknown): string {
  if (!isAccelError(error)) throw error
  return error.message
}

function factsOf(file: string): FileFacts {
  const othersMayRead = 0o004
  return {
    openToAll(path) {
      const stats = statSync(path === '' ? file : resolve(dirname(file), path), {
        throwIfNoEntry: false,
      })
      return stats !== undefined && (stats.mode & othersMayRead) !== 0
    },
  }
}

/** What stands in the file by line, what is left out behind it. */
function byPlace(a: Finding, b: Finding): number {
  return (a.line || Number.MAX_SAFE_INTEGER) - (b.line || Number.MAX_SAFE_INTEGER)
}
