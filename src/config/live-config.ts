import { isDeepStrictEqual } from 'node:util'
import type { Config } from './schema.ts'

/** Keys that only a start can apply: they decide what is opened, and where. */
const untilRestart = [
  'server.name',
  'server.host',
  'server.port',
  'server.uds',
  'server.tls',
  'provider.work_dir',
  'provider.gcpolicy',
  'converter.layers',
  'converter.threads',
] as const

/** What another reading of the file brought. Paths as in the file. */
export interface ConfigChange {
  /** With the keys that only a start can apply as they were. */
  config: Config
  applied: string[]
  /** Changed in the file, and without effect until the next start. */
  waiting: string[]
}

/** What becomes of a running service when its file now says `next`. */
export function changeOf(current: Config, next: Config): ConfigChange {
  const changed = differences(current, next, '')
  const waits = (path: string): boolean =>
    untilRestart.some((key) => path === key || path.startsWith(`${key}.`))
  const config: Config = {
    ...next,
    server: {
      ...next.server,
      ...pick(current.server, ['name', 'host', 'port', 'uds', 'tls']),
    },
    provider: { ...next.provider, ...pick(current.provider, ['workDir', 'gcpolicy']) },
    converter: { ...next.converter, ...pick(current.converter, ['layers', 'threads']) },
  }
  return {
    config,
    applied: changed.filter((path) => !waits(path)),
    waiting: changed.filter(waits),
  }
}

/** A configuration that is what was read last, for parts that hold it while the file is read again. */
export class LiveConfig implements Config {
  #current: Config

  constructor(config: Config) {
    this.#current = config
  }

  get current(): Config {
    return this.#current
  }

  replace(config: Config): void {
    this.#current = config
  }

  get server(): Config['server'] {
    return this.#current.server
  }
  get log(): Config['log'] {
    return this.#current.log
  }
  get metric(): Config['metric'] {
    return this.#current.metric
  }
  get provider(): Config['provider'] {
    return this.#current.provider
  }
  get converter(): Config['converter'] {
    return this.#current.converter
  }
  get reconcile(): Config['reconcile'] {
    return this.#current.reconcile
  }
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>
}

/** Paths at which two configurations differ, as deep as there are sections and hosts; lists differ as a whole. */
function differences(a: unknown, b: unknown, path: string): string[] {
  if (isDeepStrictEqual(shown(a), shown(b))) return []
  const [before, after] = [members(a), members(b)]
  if (before === undefined || after === undefined) return [path]
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].flatMap((name) =>
    differences(before.get(name), after.get(name), path === '' ? name : `${path}.${name}`),
  )
}

/** The keys of a section by their names in the file, or the hosts of a map. */
function members(value: unknown): Map<string, unknown> | undefined {
  if (value instanceof Map) return value as Map<string, unknown>
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return new Map(
    Object.entries(value).map(([name, member]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      member,
    ]),
  )
}

/** As data: a pattern is its text, not the function that was made of it. */
function shown(value: unknown): unknown {
  if (value instanceof Map) {
    return new Map([...value].map(([name, member]) => [name as unknown, shown(member)]))
  }
  return value === undefined
    ? undefined
    : (JSON.parse(JSON.stringify(value, mapsAsLists)) as unknown)
}

function mapsAsLists(_: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value
}
