export async function benchDecide() { return {rows:[],remarks:[]}; }
