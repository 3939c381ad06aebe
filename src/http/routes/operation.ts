import type { Context } from 'hono'
import type { WireBackfill, WireReadiness, WireStatus } from '../../api/contract.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { Grant } from '../authorization.ts'
import type { Bindings } from '../connection.ts'
import { jsonReply, textReply } from '../reply.ts'
import { flagOf } from './query.ts'

/** What the routes for operators work with. */
export interface OperationParts {
  /** Whether orders can be taken. */
  ready(): Promise<WireReadiness>
  /** How the service stands; all registries are named. */
  status(): Promise<WireStatus>
  /** Begins a search for images that should have been converted. Throws RECONCILE_RUNNING. */
  startBackfill(init: { dryRun: boolean }): void
  backfill(): WireBackfill
}

/** Routes by which the service is watched and set to work. */
export class OperationRoutes {
  readonly #parts: OperationParts

  constructor(parts: OperationParts) {
    this.#parts = parts
  }

  /** GET /api/v1/health/live: the process answers. */
  live(): Response {
    return textReply('Ok')
  }

  /** GET /api/v1/health/ready */
  async ready(): Promise<Response> {
    const readiness = await this.#parts.ready()
    return jsonReply(readiness, readiness.ready ? 200 : 503)
  }

  /** GET /api/v1/status */
  async status(_: Context<Bindings>, grant: Grant): Promise<Response> {
    grant.requireAny()
    const status = await this.#parts.status()
    const registries = status.registries.filter(({ name }) => grant.allows(name))
    return jsonReply({ ...status, registries })
  }

  /** POST /api/v1/backfill */
  startBackfill(c: Context<Bindings>, grant: Grant): Response {
    requireAll(grant)
    this.#parts.startBackfill({ dryRun: flagOf(c, 'dry_run') })
    return jsonReply(this.#parts.backfill(), 202)
  }

  /** GET /api/v1/backfill */
  backfill(_: Context<Bindings>, grant: Grant): Response {
    requireAll(grant)
    return jsonReply(this.#parts.backfill())
  }
}

/** A search goes through all registries, so whoever may use one alone may not begin it. */
function requireAll(grant: Grant): void {
  grant.requireAny()
  if (grant.registries(undefined) === undefined) return
  throw new AccelError('HTTP_UNAUTHORIZED', { host: '', problem: 'the api_token is needed for it' })
}
