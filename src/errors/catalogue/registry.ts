/** What a registry, or the way to it, answered. */
export const registryErrors = {}
