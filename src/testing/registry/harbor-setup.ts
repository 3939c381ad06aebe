import type { RegistryContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** An answer of Harbor's API: its body as JSON, or why it is refused. */
type Answer = { body: unknown } | { status: number; message: string }

/**
 * The part of Harbor's API v2.0 that says how it is set up: `systeminfo`, the permissions of the account in a project, and
 * the webhook policies of one. Undefined for other paths. `user` is the account of the request; `projects` are the names
 * of all, in the order of their ids. Source: Harbor api/v2.0/swagger.yaml, src/server/v2.0/handler/user.go.
 */
export function harborSetupAnswer(
  { harbor }: RegistryContext,
  { url }: Exchange,
  path: string,
  { user, projects }: { user: string | undefined; projects: readonly string[] },
): Answer | undefined {
  const may = harbor?.permissions?.[user ?? '']
  if (path === 'systeminfo') {
    // anybody else is not told the version
    const version = user === undefined ? {} : { harbor_version: 'v2.11.0-test' }
    const { readOnly = false, notifies = true } = harbor ?? {}
    return { body: { ...version, read_only: readOnly, notification_enable: notifies } }
  }
  if (path === 'users/current/permissions') {
    if (may === undefined) return { status: 404, message: 'no such path' }
    const id = /^\/project\/(\d+)$/.exec(url.searchParams.get('scope') ?? '')?.[1]
    if (id === undefined || projects[Number(id) - 1] === undefined) return { body: null }
    return { body: may.map((one) => ({ resource: one.split(':')[0], action: one.split(':')[1] })) }
  }
  const kind = /^projects\/[^/]+\/(summary|immutabletagrules)$/.exec(path)?.[1]
  const needed = { summary: 'project:read', immutabletagrules: 'immutable-tag:list' }
  if (kind === 'summary' || kind === 'immutabletagrules') {
    if (may?.includes(needed[kind]) !== true) return { status: 403, message: 'forbidden' }
    if (kind === 'immutabletagrules') return { body: harbor?.immutableTags ?? [] }
    const { used = 0, hard = -1 } = harbor?.quota ?? {}
    return { body: { quota: { hard: { storage: hard }, used: { storage: used } } } }
  }
  const [, project, id] =
    /^projects\/([^/]+)\/webhook\/policies(?:\/(\d+)\/executions)?$/.exec(path) ?? []
  if (project === undefined) return undefined
  if (may?.includes('notification-policy:list') !== true) {
    return { status: 403, message: 'forbidden' }
  }
  if (id === undefined) return { body: harbor?.policies?.[project] ?? null }
  const status = harbor?.deliveries?.[Number(id)]
  return { body: status === undefined ? [] : [{ id: 1, status }] }
}
