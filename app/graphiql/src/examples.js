/** The tabs of a first visit: the server's example operations, each headed by its title. */

/**
 * Examples as GraphiQL tabs (`{query, variables}`); empty when tabs of an earlier visit are stored,
 * which GraphiQL restores itself, and when the server has no examples to give.
 */
export async function firstTabs() {
  if (localStorage.getItem("graphiql:tabState") !== null) return [];
  try {
    const response = await fetch(`${import.meta.env.BASE_URL}examples.json`);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return (await response.json()).map(({ title, query, variables }) => ({
      query: `# ${title}\n${query}`,
      variables,
    }));
  } catch (error) {
    console.warn("No example operations:", error);
    return [];
  }
}
