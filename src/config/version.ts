import { readFileSync } from 'node:fs'

/** What `--version` and the first line of the log say. */
export interface Version {
  /** `v0.1.0` */
  tag: string
  /** The whole of it, in upstream's form: `v0.1.0 <commit>.<build time>`; a checkout knows neither. */
  text: string
}

/** The version of this program: `package.json`, and `build.json` beside it where a release has written one (`commit`, `time`). */
export function programVersion(): Version {
  const { version = '0.0.0' } = readMembers('package.json')
  const { commit = 'unknown', time = 'unknown' } = readMembers('build.json')
  const tag = `v${version}`
  return { tag, text: `${tag} ${commit}.${time}` }
}

/** How this program names itself to registries: `acceleration-service/0.1.0`. */
export function userAgent(): string {
  return `acceleration-service/${programVersion().tag.slice(1)}`
}

/** The texts of a JSON file at the root of the package, which is as far from `src/config/` as from `dist/config/`. */
function readMembers(name: string): Record<string, string | undefined> {
  try {
    return JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'))
  } catch {
    return {}
  }
}
