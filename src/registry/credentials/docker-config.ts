import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AccelError } from '../../errors/accel-error.ts'
import { runCredentialHelper } from './credential-helper.ts'
import { parseBasicAuth, type Credentials, type CredentialSource } from './credentials.ts'

/** Where the docker configuration is and how its helpers are run. */
export interface DockerConfigInit {
  /** The file, see `dockerConfigPath`. It is read anew each time, so that a login is seen at once. */
  path: string
  /** Longest run of a credential helper. @default 30_000 */
  helperTimeoutMs?: number
}

/** Under this key `docker login` keeps the account of Docker Hub, whatever its registry is called elsewhere. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'

const dockerHubHosts = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** Path of the docker configuration, from the two variables that name it; undefined without either. */
export function dockerConfigPath(env: {
  DOCKER_CONFIG?: string | undefined
  HOME?: string | undefined
}): string | undefined {
  if (env.DOCKER_CONFIG) return join(env.DOCKER_CONFIG, 'config.json')
  return env.HOME ? join(env.HOME, '.docker', 'config.json') : undefined
}

/**
 * The account for each host in the docker configuration: its credential helper (`credHelpers`), else the common one
 * (`credsStore`), else what the file itself holds (`auths`). No file, and no entry, is anonymous.
 * Throws REGISTRY_CREDENTIALS when the file or a helper cannot be used; what they hold is never quoted.
 */
export function createDockerCredentials(
  init: DockerConfigInit,
): (host: string) => CredentialSource {
  return (host) => async () => {
    const problem = (what: string) =>
      new AccelError('REGISTRY_CREDENTIALS', { host, source: init.path, problem: what })
    const config = await readConfig(init.path, problem)
    if (config === undefined) return undefined
    const keys = keysOf(host)
    const helper = textAt(config['credHelpers'], keys) ?? text(config['credsStore'])
    if (helper !== undefined) {
      const { helperTimeoutMs: timeoutMs = 30_000 } = init
      const found = await runCredentialHelper({
        host,
        helper,
        serverUrl: keys[0] as string,
        timeoutMs,
      })
      if (found !== undefined) return found
    }
    const entry = entryFor(config['auths'], host, keys)
    return entry === undefined ? undefined : credentialsIn(entry, problem)
  }
}

async function readConfig(
  path: string,
  problem: (what: string) => AccelError,
): Promise<Record<string, unknown> | undefined> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw problem(`it cannot be read (${code})`)
  }
  try {
    const config: unknown = JSON.parse(content)
    if (isObject(config)) return config
  } catch {
    // The parser's message quotes the file.
  }
  throw problem('it is not a JSON object')
}

/** The keys under which the host is looked for, the one that `docker login` writes first. */
function keysOf(host: string): string[] {
  const name = host.toLowerCase()
  if (dockerHubHosts.has(name)) return [DOCKER_HUB_KEY, ...dockerHubHosts]
  if (name.endsWith(':443')) return [name, name.slice(0, -4)]
  return /:\d+$/.test(name) ? [name] : [name, `${name}:443`]
}

/** The entry of `auths` for the host: exactly by a key, else by the host in keys written as URLs. */
function entryFor(
  auths: unknown,
  host: string,
  keys: string[],
): Record<string, unknown> | undefined {
  if (!isObject(auths)) return undefined
  const exact = keys.find((key) => isObject(auths[key]))
  const found =
    exact ?? Object.keys(auths).find((key) => keys.includes(hostInKey(key)) && isObject(auths[key]))
  return found === undefined ? undefined : (auths[found] as Record<string, unknown>)
}

/** `https://host/v1/`, `host/v2/` and `host` mean the host; `host/namespace`, which podman writes, means less. */
function hostInKey(key: string): string {
  const hasScheme = /^https?:\/\//.test(key)
  const [host = '', ...path] = key.replace(/^https?:\/\//, '').split('/')
  const whole = hasScheme || path.every((part) => part === '' || part === 'v1' || part === 'v2')
  return whole ? host.toLowerCase() : ''
}

function credentialsIn(
  entry: Record<string, unknown>,
  problem: (what: string) => AccelError,
): Credentials | undefined {
  const auth = text(entry['auth'])
  const basic = auth === undefined ? undefined : parseBasicAuth(auth)
  const username = basic?.username ?? text(entry['username'])
  const identityToken = text(entry['identitytoken'])
  if (identityToken !== undefined) return { identityToken, username }
  if (basic !== undefined) return basic
  if (auth !== undefined) throw problem('an "auth" is not the base64 of user:password')
  const password = text(entry['password'])
  return username === undefined || password === undefined ? undefined : { username, password }
}

function textAt(value: unknown, keys: string[]): string | undefined {
  if (!isObject(value)) return undefined
  return keys.map((key) => text(value[key])).find((found) => found !== undefined)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
