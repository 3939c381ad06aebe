import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/** What `find` gives, found once in a thread and in none that it starts after that: they have it from there. */
export function inherited<Value extends string>(name: string, find: () => Value): Value {
  const known = getEnvironmentData(name) as Value | undefined
  if (known !== undefined) return known
  const found = find()
  setEnvironmentData(name, found)
  return found
}
