CREATE TABLE kind_type (id int PRIMARY KEY, kind text);
CREATE TABLE company_type (id int PRIMARY KEY, kind text);
CREATE TABLE info_type (id int PRIMARY KEY, info text);
CREATE TABLE role_type (id int PRIMARY KEY, role text);
CREATE TABLE link_type (id int PRIMARY KEY, link text);
CREATE TABLE keyword (id int PRIMARY KEY, keyword text);
CREATE TABLE company_name (id int PRIMARY KEY, name text, country_code text);
CREATE TABLE char_name (id int PRIMARY KEY, name text);
CREATE TABLE name (id int PRIMARY KEY, name text, gender text, name_pcode_cf text);
CREATE TABLE aka_name (id int PRIMARY KEY, person_id int, name text);
CREATE TABLE title (id int PRIMARY KEY, title text, kind_id int, production_year int, episode_nr int);
CREATE TABLE cast_info (id int PRIMARY KEY, person_id int, movie_id int, person_role_id int, note text, role_id int);
CREATE TABLE movie_companies (id int PRIMARY KEY, movie_id int, company_id int, company_type_id int, note text);
CREATE TABLE movie_info (id int PRIMARY KEY, movie_id int, info_type_id int, info text, note text);
CREATE TABLE movie_info_idx (id int PRIMARY KEY, movie_id int, info_type_id int, info text);
CREATE TABLE movie_keyword (id int PRIMARY KEY, movie_id int, keyword_id int);
CREATE TABLE movie_link (id int PRIMARY KEY, movie_id int, linked_movie_id int, link_type_id int);
CREATE TABLE complete_cast (id int PRIMARY KEY, movie_id int, subject_id int, status_id int)
