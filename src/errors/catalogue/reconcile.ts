import { row } from '../row.ts'

/** Searches for images that should have been converted. */
export const reconcileErrors = {
  RECONCILE_RUNNING: row<object>({
    status: 409,
    exit: 1,
    retry: 'backoff',
    text: () => 'another search for images is under way',
    hint: 'Wait until it has ended; the log says what it has found.',
  }),
  RECONCILE_LIST_REFUSED: row<{ host: string; problem: string }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.host} does not list its repositories to our account: ${c.problem}`,
    hint: 'Name the repositories in provider.source.<host>.reconcile.repositories, or give the account the permission: repository and artifact list in Harbor, the catalog elsewhere.',
  }),
}
