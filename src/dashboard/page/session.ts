/** The token of this tab, sent as `Authorization`. It is gone when the tab is closed, and no other site can read it. */
const KEY = 'acceld.token'

/** What the user has entered; empty where that is nothing. */
export function storedToken(): string {
  return sessionStorage.getItem(KEY) ?? ''
}

/** Keeps what the user has entered; empty takes it away. */
export function storeToken(token: string): void {
  if (token === '') sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, token)
}
