// One :LiveGraph per source; its lock makes ticks of one source follow each other.
CREATE CONSTRAINT live_graph_source IF NOT EXISTS FOR (l:LiveGraph) REQUIRE l.source IS UNIQUE;
