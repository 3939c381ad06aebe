/** A permission of Harbor, as its API has it. */
export interface Permission {
  resource: 'repository' | 'artifact' | 'tag' | 'notification-policy'
  action: 'pull' | 'push' | 'list' | 'delete'
}

/** How the dialog in which a robot gets its permissions calls them; since Harbor 2.10 a table of resources and actions. */
const rows: Record<Permission['resource'], string> = {
  repository: 'Repository',
  artifact: 'Artifact',
  tag: 'Tag',
  'notification-policy': 'Notification Policy',
}

/** The account of a robot of one project, `robot$demo+acceld`, or of the system, `robot$acceld`. */
const robot = /^robot\$(?:(?<project>[^+]+)\+)?.+$/

/** Where in Harbor `account` gets permissions in `project`, and which to tick. */
export function tick(
  account: string | undefined,
  project: string,
  permissions: readonly Permission[],
): string {
  const wanted = permissions.map(({ resource, action }) => `${rows[resource]}: ${titled(action)}`)
  const boxes = wanted.map((box) => `"${box}"`).join(' and ')
  if (account === undefined) {
    return `make a robot account in Harbor, Projects > ${project} > Robot Accounts, with ${boxes}, and configure it as auth`
  }
  const found = robot.exec(account)
  if (found === null) {
    return `in Harbor: Projects > ${project} > Members, give ${account} the role Developer or more; it comes with ${boxes}`
  }
  const own = found.groups?.['project']
  if (own === undefined) {
    return `in Harbor: Administration > Robot Accounts > ${account} > Action > Edit, for the project ${project} tick ${boxes}`
  }
  if (own !== project) {
    return `${account} is a robot of the project ${own} and of no other: use one of ${project}, or one of the system, with ${boxes}`
  }
  return `in Harbor: Projects > ${project} > Robot Accounts > ${account} > Action > Edit, tick ${boxes}`
}

function titled(action: string): string {
  return action.slice(0, 1).toUpperCase() + action.slice(1)
}
