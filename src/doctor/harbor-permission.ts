import { listOf } from '../story/sentence.ts'

/** A permission of Harbor, as its API has it. */
export interface Permission {
  resource: 'repository' | 'artifact' | 'notification-policy'
  action: 'pull' | 'push' | 'list' | 'delete'
}

/**
 * The rows of the table in which a robot gets its permissions since Harbor 2.10; the columns are the actions. Source: Harbor
 * src/portal/src/app/shared/components/robot-permissions-panel.
 */
const rows: Record<Permission['resource'], string> = {
  repository: 'Repository',
  artifact: 'Artifact',
  'notification-policy': 'Notification Policy',
}

/** The account of a robot of one project, `robot$demo+acceld`, or of the system, `robot$acceld`. */
const robot = /^robot\$(?:(?<project>[^+]+)\+)?.+$/

/** Where in Harbor `account` gets permissions in `project`, and which boxes to tick. */
export function tick(
  account: string | undefined,
  project: string,
  permissions: readonly Permission[],
): string {
  const boxes = listOf(
    [...Map.groupBy(permissions, ({ resource }) => resource)].map(
      ([resource, some]) =>
        `${listOf(some.map(({ action }) => titled(action)))} in the row "${rows[resource]}"`,
    ),
  )
  const own = `Projects > ${project} > Robot Accounts`
  if (account === undefined) {
    return `make a robot account in Harbor, ${own}, tick ${boxes}, and configure it as auth`
  }
  const found = robot.exec(account)
  if (found === null) {
    const role = permissions.some(isOfMaintainers) ? 'Maintainer' : 'Developer'
    return `in Harbor: Projects > ${project} > Members, give ${account} the role ${role} or a higher one`
  }
  const of = found.groups?.['project']
  if (of === undefined) {
    return `in Harbor: Administration > Robot Accounts > ${account} > Action > Edit, for the project ${project} tick ${boxes}`
  }
  if (of !== project) {
    return `${account} is a robot of the project ${of} and of no other: use one of ${project}, or one of the system, and tick ${boxes}`
  }
  return `in Harbor: ${own} > ${account} > Action > Edit, tick ${boxes}`
}

/** What a developer of a project may not do. Source: Harbor src/common/rbac/project/rbac_role.go. */
function isOfMaintainers({ resource, action }: Permission): boolean {
  return resource === 'notification-policy' || action === 'delete'
}

function titled(action: string): string {
  return action.slice(0, 1).toUpperCase() + action.slice(1)
}
