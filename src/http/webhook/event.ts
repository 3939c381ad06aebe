/** What a request says has happened: pushes, or something that does not concern us. */
export type WebhookEvent = PushEvent | { kind: 'other'; type: string }

export interface PushEvent {
  kind: 'push'
  /** At least one. */
  resources: PushedResource[]
  /**
   * The sender gathered what had nothing to do with each other and sends all of it again until it is taken: what cannot
   * be converted is passed over, instead of refusing the whole.
   */
  gathered?: true
}

/** One thing that was pushed, as the registry names it. */
export interface PushedResource {
  /** `host[:port]/repository:tag` or `…@digest`, without a scheme. */
  url: string
  digest?: string
  /** The account that pushed, where the sender names it. */
  operator?: string
  /** When it was pushed, as the sender says, in milliseconds since 1970. */
  pushedAt?: number
}

/** More than one push is not known to name; registries gather some tens. */
export const MAX_RESOURCES = 1000
